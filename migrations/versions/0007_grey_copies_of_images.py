"""The grey copy of each image, by which a later scan tells its near duplicates as the first one did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("images", sa.Column("grey", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("images", "grey")

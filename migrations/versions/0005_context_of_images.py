"""What the page or document says of an image in a scan, the verdict joined with it, and how many images it contradicts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("scan_images", sa.Column("context", JSONB(none_as_null=True), nullable=True))
    op.add_column("scans", sa.Column("context_disagreeing", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_index(
        "ix_scans_has_context_disagreeing",
        "scans",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        postgresql_where=sa.text("deleted_at IS NULL AND context_disagreeing > 0"),
    )


def downgrade() -> None:
    op.drop_index("ix_scans_has_context_disagreeing", "scans")
    op.drop_column("scans", "context_disagreeing")
    op.drop_column("scan_images", "context")

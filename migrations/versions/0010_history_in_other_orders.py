"""Indexes for the history sorted by name and by counts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COUNTS = ("unique_images", "medical", "uncertain")


def upgrade() -> None:
    alive = sa.text("deleted_at IS NULL")
    op.create_index("ix_scans_by_name", "scans", [sa.text("left(search, 60)"), "created_at", "id"], postgresql_where=alive)
    for name in COUNTS:
        op.create_index(f"ix_scans_by_{name}", "scans", [name, "created_at", "id"], postgresql_where=alive)


def downgrade() -> None:
    for name in (*COUNTS, "name"):
        op.drop_index(f"ix_scans_by_{name}", "scans")

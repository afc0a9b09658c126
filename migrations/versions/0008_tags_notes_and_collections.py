"""Tags, notes and collections: named sets of scans and images, their items, and notes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NOW = sa.text("now()")


def upgrade() -> None:
    op.create_table(
        "named_sets",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_named_sets_key", "named_sets", ["kind", "key"], unique=True, postgresql_where=sa.text("deleted_at IS NULL"))
    op.create_table(
        "set_items",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column(
            "set_id", sa.Uuid(), sa.ForeignKey("named_sets.id", ondelete="CASCADE", name="fk_set_items_set_id"), nullable=False
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("scan_id", sa.Uuid(), sa.ForeignKey("scans.id", ondelete="CASCADE", name="fk_set_items_scan_id")),
        sa.Column("sha256", sa.LargeBinary(), sa.ForeignKey("images.sha256", ondelete="CASCADE", name="fk_set_items_sha256")),
        sa.Column("found_in", sa.Uuid(), sa.ForeignKey("scans.id", ondelete="SET NULL", name="fk_set_items_found_in")),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.Column("removed_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("num_nonnulls(scan_id, sha256) = 1", name="ck_set_items_one"),
    )
    op.create_index("ix_set_items_order", "set_items", ["set_id", "position"])
    for column in ("scan_id", "sha256"):
        there = sa.text(f"{column} IS NOT NULL")
        op.create_index(f"ix_set_items_{column}", "set_items", [column, "set_id"], unique=True, postgresql_where=there)
    op.create_index("ix_set_items_found_in", "set_items", ["found_in"], postgresql_where=sa.text("found_in IS NOT NULL"))
    op.create_table(
        "notes",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("scan_id", sa.Uuid(), sa.ForeignKey("scans.id", ondelete="CASCADE", name="fk_notes_scan_id")),
        sa.Column("sha256", sa.LargeBinary(), sa.ForeignKey("images.sha256", ondelete="CASCADE", name="fk_notes_sha256")),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.CheckConstraint("num_nonnulls(scan_id, sha256) = 1", name="ck_notes_one"),
    )
    for column in ("scan_id", "sha256"):
        op.create_index(f"ix_notes_{column}", "notes", [column], unique=True)


def downgrade() -> None:
    for table in ("notes", "set_items", "named_sets"):
        op.drop_table(table)

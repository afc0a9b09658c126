"""The first tables: scans, their images, the verdicts, what people corrected, events, and who may ask."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NEWEST: tuple[sa.ColumnElement[object], ...] = (sa.literal_column("created_at DESC"), sa.literal_column("id DESC"))
COUNTED = ("xray", "ct", "mri", "ultrasound", "other_medical", "non_medical")
ALIVE = sa.text("deleted_at IS NULL")

# Every three letters in a row, and how each word begins: search without pg_trgm. As server/store/text_search.py asks it.
# COST as measured, up to half a millisecond a row: at the default the planner would rather compute it than ask the index.
SEARCH = "lower(left(coalesce(title, '') || ' ' || coalesce(url, target), 400))"
GRAMS = """
CREATE FUNCTION medlens_grams(input text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 20000 AS $$
    SELECT coalesce(array_agg(DISTINCT gram), '{}') FROM (
        SELECT substr(input, i, 3) AS gram FROM generate_series(1, length(input) - 2) AS i
        UNION ALL
        SELECT padding || substr(word, 1, 3 - length(padding))
        FROM regexp_split_to_table(input, '[^[:alnum:]]+') AS word, (VALUES ('  '), (' ')) AS paddings (padding)
        WHERE word <> ''
    ) AS grams
$$
"""


def upgrade() -> None:
    op.execute(GRAMS)
    op.create_table(
        "api_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_api_tokens")),
    )
    op.create_table(
        "images",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("phash", sa.String(length=16), nullable=True),
        sa.Column("corrected_as", sa.String(length=16), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_images")),
    )
    op.create_table(
        "login_codes",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_login_codes")),
    )
    op.create_table(
        "scans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=16), server_default="queued", nullable=False),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("model_version", sa.Text(), nullable=True),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker_deaths", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("timings_ms", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("found", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("skipped", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("unique_images", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("medical", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("uncertain", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("disagreeing", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("corrected", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cached", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("xray", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("ct", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("mri", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("ultrasound", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("other_medical", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("non_medical", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("confidence_bins", sa.ARRAY(sa.Integer()), server_default=sa.text("'{}'::integer[]"), nullable=False),
        sa.Column("previews", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False),
        sa.Column(
            "search",
            sa.Text(),
            sa.Computed(SEARCH, persisted=True),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scans")),
    )
    op.create_index("ix_scans_deleted_at", "scans", ["deleted_at"], postgresql_where=sa.text("deleted_at IS NOT NULL"))
    op.create_index("ix_scans_grams", "scans", [sa.literal_column("medlens_grams(search)")], postgresql_using="gin")
    for name in (*COUNTED, "uncertain", "disagreeing", "corrected"):
        op.create_index(f"ix_scans_has_{name}", "scans", [*NEWEST], postgresql_where=sa.text(f"deleted_at IS NULL AND {name} > 0"))
    op.create_index("ix_scans_kind", "scans", ["kind", *NEWEST], postgresql_where=ALIVE)
    op.create_index("ix_scans_newest", "scans", [*NEWEST], postgresql_where=ALIVE)
    op.create_index("ix_scans_status", "scans", ["status", *NEWEST], postgresql_where=ALIVE)
    op.create_index(
        "ix_scans_url",
        "scans",
        [sa.literal_column("md5(url)"), sa.literal_column("created_at DESC")],
        unique=False,
        postgresql_where=ALIVE,
    )
    op.create_table(
        "sessions",
        sa.Column("id_hash", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_sessions")),
    )
    op.create_table(
        "feedback",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("modality", sa.String(length=16), nullable=False),
        sa.Column("previous", sa.String(length=16), nullable=True),
        sa.Column("model_version", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["sha256"], ["images.sha256"], name=op.f("fk_feedback_sha256"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    op.create_index(
        "ix_feedback_newest",
        "feedback",
        [sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("undone_at IS NULL"),
    )
    op.create_index("ix_feedback_sha256", "feedback", ["sha256", "id"])
    op.create_table(
        "heatmaps",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["images.sha256"], name=op.f("fk_heatmaps_sha256"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sha256", "model_version", name=op.f("pk_heatmaps")),
    )
    op.create_table(
        "scan_events",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("scan_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["scan_id"], ["scans.id"], name=op.f("fk_scan_events_scan_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scan_events")),
    )
    op.create_index("ix_scan_events_created_at", "scan_events", ["created_at"])
    op.create_index("ix_scan_events_scan_id", "scan_events", ["scan_id", "id"])
    op.create_table(
        "scan_images",
        sa.Column("scan_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("near_duplicate_of", sa.LargeBinary(), nullable=True),
        sa.Column("cached", sa.Boolean(), nullable=False),
        sa.Column("places", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["scan_id"], ["scans.id"], name=op.f("fk_scan_images_scan_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sha256"], ["images.sha256"], name=op.f("fk_scan_images_sha256")),
        sa.PrimaryKeyConstraint("scan_id", "sha256", name=op.f("pk_scan_images")),
    )
    op.create_index("ix_scan_images_sha256", "scan_images", ["sha256"])
    copies = sa.text("near_duplicate_of IS NOT NULL")
    op.create_index("ix_scan_images_copies", "scan_images", ["sha256", "near_duplicate_of"], postgresql_where=copies)
    op.create_table(
        "thumbnails",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("webp", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["images.sha256"], name=op.f("fk_thumbnails_sha256"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_thumbnails")),
    )
    op.create_table(
        "uploads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scan_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["scan_id"], ["scans.id"], name=op.f("fk_uploads_scan_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    op.create_index("ix_uploads_scan_id", "uploads", ["scan_id", "position"])
    op.create_table(
        "verdicts",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("modality", sa.String(length=16), nullable=False),
        sa.Column("is_medical", sa.Boolean(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("uncertain", sa.Boolean(), nullable=False),
        sa.Column("agree", sa.Boolean(), nullable=False),
        sa.Column("probabilities", sa.ARRAY(sa.Double()), nullable=False),
        sa.Column("members", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("panels", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["images.sha256"], name=op.f("fk_verdicts_sha256"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sha256", "model_version", name=op.f("pk_verdicts")),
    )
    op.create_index(
        "ix_verdicts_review",
        "verdicts",
        ["model_version", "confidence", "sha256"],
        unique=False,
        postgresql_where=sa.text("uncertain OR NOT agree"),
    )
    # pictures are compressed already
    for table, column in (("thumbnails", "webp"), ("heatmaps", "png"), ("uploads", "data")):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_table("verdicts")
    op.drop_table("uploads")
    op.drop_table("thumbnails")
    op.drop_table("scan_images")
    op.drop_table("scan_events")
    op.drop_table("heatmaps")
    op.drop_table("feedback")
    op.drop_table("sessions")
    op.drop_table("scans")
    op.drop_table("login_codes")
    op.drop_table("images")
    op.drop_table("api_tokens")
    op.execute("DROP FUNCTION medlens_grams(text)")

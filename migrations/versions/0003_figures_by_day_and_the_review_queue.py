"""Figures by day, kept by triggers on scans; the review queue; and corrections that reach near duplicates.

The triggers only note which days changed (see server/store/daily.py): they cost a row, and never make one scan wait for another.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MODALITIES = ("xray", "ct", "mri", "ultrasound", "other_medical", "non_medical")
COUNTS = ("found", "unique_images", "medical", "uncertain", "disagreeing", "corrected", "cached", *MODALITIES)
TELLING = ("created_at", "status", "deleted_at", "model_version", *COUNTS, "confidence_bins")
DAY = "(created_at AT TIME ZONE 'UTC')::date"

CHANGED = f"""
CREATE FUNCTION medlens_days_of_changed_scans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO stale_days SELECT DISTINCT {DAY} FROM after_it;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO stale_days SELECT DISTINCT {DAY} FROM before_it WHERE deleted_at IS NULL;
    ELSE
        INSERT INTO stale_days SELECT DISTINCT ((moment) AT TIME ZONE 'UTC')::date
        FROM before_it AS b JOIN after_it AS a USING (id), LATERAL (VALUES (b.created_at), (a.created_at)) AS moments (moment)
        WHERE ({", ".join(f"a.{name}" for name in TELLING)}) IS DISTINCT FROM ({", ".join(f"b.{name}" for name in TELLING)});
    END IF;
    RETURN NULL;
END $$
"""
TABLES = {"insert": "NEW TABLE AS after_it", "delete": "OLD TABLE AS before_it"}
TABLES["update"] = f"{TABLES['delete']} {TABLES['insert']}"

# The newest answer for each picture that is kept, where it was unsure or its members disagreed.
REVIEW = """
INSERT INTO review_queue (sha256, model_version, modality, score, phash)
SELECT sha256, model_version, modality, 1 - (first - second) + CASE WHEN agree THEN 0 ELSE 0.5 END + 0.5 * (1 - surest), phash
FROM (
    SELECT DISTINCT ON (verdicts.sha256) verdicts.*, decode(images.phash, 'hex') AS phash
    FROM verdicts JOIN images USING (sha256) JOIN thumbnails USING (sha256)
    WHERE images.corrected_as IS NULL ORDER BY verdicts.sha256, verdicts.created_at DESC
) AS newest,
LATERAL (
    SELECT x AS first, lead(x) OVER (ORDER BY x DESC) AS second FROM unnest(probabilities) AS x ORDER BY x DESC LIMIT 1
) AS two,
LATERAL (
    SELECT coalesce(max(x::float8), 1) AS surest FROM jsonb_each(members) AS member, jsonb_array_elements_text(member.value) AS x
) AS predictions
WHERE uncertain OR NOT agree
"""


def upgrade() -> None:
    op.create_table(
        "figures_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("scans", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        *(sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False) for name in COUNTS),
        sa.Column("confidence_bins", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.PrimaryKeyConstraint("day", "status", "model_version", name=op.f("pk_figures_days")),
    )
    op.create_table("stale_days", sa.Column("day", sa.Date(), nullable=False))
    op.execute(CHANGED)
    for event, tables in TABLES.items():
        op.execute(
            f"CREATE TRIGGER medlens_days_after_{event} AFTER {event.upper()} ON scans REFERENCING {tables} "
            "FOR EACH STATEMENT EXECUTE FUNCTION medlens_days_of_changed_scans()"
        )
    op.execute(f"INSERT INTO stale_days SELECT DISTINCT {DAY} FROM scans")

    op.create_table(
        "review_queue",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("modality", sa.String(length=16), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("phash", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("skipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["sha256"], ["thumbnails.sha256"], name=op.f("fk_review_queue_sha256"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_review_queue")),
    )
    op.create_index(
        "ix_review_queue_next",
        "review_queue",
        [sa.literal_column("score DESC"), "sha256"],
        postgresql_where=sa.text("skipped_at IS NULL"),
    )
    op.drop_index("ix_verdicts_review", "verdicts")
    op.execute(REVIEW)

    op.add_column("feedback", sa.Column("spread_from", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_feedback_spread_from"), "feedback", "feedback", ["spread_from"], ["id"], ondelete="CASCADE")
    op.drop_index("ix_feedback_newest", "feedback")
    op.create_index(
        "ix_feedback_said",
        "feedback",
        [sa.literal_column("id DESC")],
        postgresql_where=sa.text("undone_at IS NULL AND spread_from IS NULL"),
    )
    op.create_index("ix_feedback_spread_from", "feedback", ["spread_from"], postgresql_where=sa.text("spread_from IS NOT NULL"))
    op.create_index(
        "ix_scan_images_original",
        "scan_images",
        ["near_duplicate_of", "sha256"],
        postgresql_where=sa.text("near_duplicate_of IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_scan_images_original", "scan_images")
    op.drop_index("ix_feedback_spread_from", "feedback")
    op.drop_index("ix_feedback_said", "feedback")
    op.execute("DELETE FROM feedback WHERE spread_from IS NOT NULL")
    op.drop_column("feedback", "spread_from")
    op.create_index("ix_feedback_newest", "feedback", [sa.literal_column("id DESC")], postgresql_where=sa.text("undone_at IS NULL"))
    op.create_index(
        "ix_verdicts_review",
        "verdicts",
        ["model_version", "confidence", "sha256"],
        postgresql_where=sa.text("uncertain OR NOT agree"),
    )
    op.drop_table("review_queue")
    for event in TABLES:
        op.execute(f"DROP TRIGGER medlens_days_after_{event} ON scans")
    op.execute("DROP FUNCTION medlens_days_of_changed_scans()")
    op.drop_table("stale_days")
    op.drop_table("figures_days")

"""The tables, and for each index the query that needs it. Tables computed from these are in daily.py and review.py,
tags, collections and notes in named_sets.py.

A scan has images (`scan_images`), an image has verdicts (one per model version) and possibly a person's correction. What the
history page shows of a scan is in the scan's own row (counts per modality, previews), written when the scan finishes or a
correction changes it, so that a page of history is one index range and no join. Images are keyed by the SHA-256 of their encoded
bytes, as 32 bytes.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Computed,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    Uuid,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from server.contract.modalities import MODALITIES
from server.store.columns import Sha256, counter, metadata, timestamp

CONFIDENCE_BINS = 10  # bars of the confidence histogram, a tenth each
SEARCHED_CHARS = 400  # of title and address together; a data: address may be megabytes long

scans = Table(
    "scans",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("target", Text, nullable=False),
    Column("url", Text),
    Column("host", Text),
    Column("title", Text),
    Column("status", String(16), nullable=False, server_default="queued"),
    Column("error_code", String(64)),
    Column("error_message", Text),
    Column("model_version", Text),
    Column("options", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    timestamp("created_at", nullable=False, default=True),
    timestamp("started_at"),
    timestamp("finished_at"),
    timestamp("deleted_at"),
    counter("worker_deaths"),
    Column("timings_ms", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    counter("found"),
    Column("skipped", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("notices", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    # counted over unique images: exact and near duplicates folded
    counter("unique_images"),
    counter("medical"),
    counter("uncertain"),
    counter("disagreeing"),
    counter("context_disagreeing"),
    counter("corrected"),
    counter("cached"),
    *(counter(modality) for modality in MODALITIES),
    # every modality that one of them is or, as a figure, contains
    Column("modalities", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column("confidence_bins", ARRAY(Integer), nullable=False, server_default=text("'{}'::integer[]")),
    Column("previews", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column(
        "search",
        Text,
        Computed(f"lower(left(coalesce(title, '') || ' ' || coalesce(url, target), {SEARCHED_CHARS}))", persisted=True),
        nullable=False,
    ),
)

_ALIVE = scans.c.deleted_at.is_(None)
_NEWEST = (scans.c.created_at.desc(), scans.c.id.desc())

# History, newest first: as a whole, by status, by kind; and one partial index for each filter that may match few scans of many.
Index("ix_scans_newest", *_NEWEST, postgresql_where=_ALIVE)
Index("ix_scans_status", scans.c.status, *_NEWEST, postgresql_where=_ALIVE)
Index("ix_scans_kind", scans.c.kind, *_NEWEST, postgresql_where=_ALIVE)
for _modality in MODALITIES:
    Index(f"ix_scans_has_{_modality}", *_NEWEST, postgresql_where=_ALIVE & text(f"'{_modality}' = ANY (modalities)"))
for _name in ("uncertain", "disagreeing", "context_disagreeing", "corrected"):
    Index(f"ix_scans_has_{_name}", *_NEWEST, postgresql_where=_ALIVE & (scans.c[_name] > 0))
NAME_ORDER = func.left(scans.c.search, literal_column("60"))  # the letters by which the history is sorted
Index("ix_scans_by_name", NAME_ORDER, scans.c.created_at, scans.c.id, postgresql_where=_ALIVE)
for _name in ("unique_images", "medical", "uncertain"):
    Index(f"ix_scans_by_{_name}", scans.c[_name], scans.c.created_at, scans.c.id, postgresql_where=_ALIVE)
# The last report for a page, and its earlier scans. Hashed, because an address may be longer than a B-tree entry.
Index("ix_scans_url", func.md5(scans.c.url), scans.c.created_at.desc(), postgresql_where=_ALIVE)
# Search by any part of title or address: trigrams in an inverted index (the wheel has no pg_trgm).
Index("ix_scans_grams", func.medlens_grams(scans.c.search), postgresql_using="gin")
# The purge looks for deleted scans.
Index("ix_scans_deleted_at", scans.c.deleted_at, postgresql_where=scans.c.deleted_at.is_not(None))

uploads = Table(
    "uploads",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("scan_id", Uuid, ForeignKey("scans.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text),
    Column("data", LargeBinary, nullable=False),
    timestamp("created_at", nullable=False, default=True),
    Index("ix_uploads_scan_id", "scan_id", "position"),
)

images = Table(
    "images",
    metadata,
    Column("sha256", Sha256, primary_key=True),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("format", String(16), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("phash", String(16)),
    Column("grey", LargeBinary),  # 32 x 32 greys, row by row
    Column("corrected_as", String(16)),
    timestamp("created_at", nullable=False, default=True),
)

scan_images = Table(
    "scan_images",
    metadata,
    Column("scan_id", Uuid, ForeignKey("scans.id", ondelete="CASCADE"), primary_key=True),
    Column("sha256", Sha256, ForeignKey("images.sha256"), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("near_duplicate_of", Sha256),
    Column("cached", Boolean, nullable=False),
    Column("places", JSONB, nullable=False),
    # what the page or document says of the image in this scan, and the verdict joined with it (codec.py)
    Column("context", JSONB(none_as_null=True)),
    Index("ix_scan_images_sha256", "sha256"),  # the scans an image was found in
)
# Which of these images are near duplicates of each other, as earlier scans found them.
Index(
    "ix_scan_images_copies",
    scan_images.c.sha256,
    scan_images.c.near_duplicate_of,
    postgresql_where=scan_images.c.near_duplicate_of.is_not(None),
)
# The near duplicates of one image, to which its correction applies.
Index(
    "ix_scan_images_original",
    scan_images.c.near_duplicate_of,
    scan_images.c.sha256,
    postgresql_where=scan_images.c.near_duplicate_of.is_not(None),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("sha256", Sha256, ForeignKey("images.sha256", ondelete="CASCADE"), primary_key=True),
    Column("model_version", Text, primary_key=True),
    Column("modality", String(16), nullable=False),
    Column("is_medical", Boolean, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("uncertain", Boolean, nullable=False),
    Column("medical_sure", Boolean, nullable=False),  # "medical or not" is sure; its probability follows from `probabilities`
    Column("contains", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),  # modalities of the medical parts
    Column("agree", Boolean, nullable=False),
    Column("probabilities", ARRAY(Double), nullable=False),  # in the order of MODALITIES
    Column("members", JSONB, nullable=False),  # name: six numbers in that order
    Column("panels", JSONB(none_as_null=True)),
    timestamp("created_at", nullable=False, default=True),
)
thumbnails = Table(
    "thumbnails",
    metadata,
    Column("sha256", Sha256, ForeignKey("images.sha256", ondelete="CASCADE"), primary_key=True),
    Column("webp", LargeBinary, nullable=False),
    timestamp("created_at", nullable=False, default=True),
)

heatmaps = Table(
    "heatmaps",
    metadata,
    Column("sha256", Sha256, ForeignKey("images.sha256", ondelete="CASCADE"), primary_key=True),
    Column("model_version", Text, primary_key=True),
    Column("png", LargeBinary, nullable=False),
    timestamp("created_at", nullable=False, default=True),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("sha256", Sha256, ForeignKey("images.sha256", ondelete="CASCADE"), nullable=False),
    Column("modality", String(16), nullable=False),
    Column("previous", String(16)),  # what was shown before: the model's verdict, or an earlier correction
    Column("model_version", Text),
    Column("spread_from", BigInteger, ForeignKey("feedback.id", ondelete="CASCADE")),  # the near duplicate that a person corrected
    timestamp("created_at", nullable=False, default=True),
    timestamp("undone_at"),
    Index("ix_feedback_sha256", "sha256", "id"),
)
# Corrections that people made, newest first; and the near duplicates that follow each.
Index("ix_feedback_said", feedback.c.id.desc(), postgresql_where=feedback.c.undone_at.is_(None) & feedback.c.spread_from.is_(None))
Index("ix_feedback_spread_from", feedback.c.spread_from, postgresql_where=feedback.c.spread_from.is_not(None))

scan_events = Table(
    "scan_events",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("scan_id", Uuid, ForeignKey("scans.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("data", JSONB, nullable=False),
    timestamp("created_at", nullable=False, default=True),
    Index("ix_scan_events_scan_id", "scan_id", "id"),
    Index("ix_scan_events_created_at", "created_at"),  # the purge
)

# Credentials: only hashes are kept, so that a copy of the database grants no access.
login_codes = Table(
    "login_codes",
    metadata,
    Column("code_hash", LargeBinary, primary_key=True),
    timestamp("created_at", nullable=False, default=True),
    timestamp("expires_at", nullable=False),
    timestamp("used_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id_hash", LargeBinary, primary_key=True),
    Column("label", Text),
    timestamp("created_at", nullable=False, default=True),
    timestamp("expires_at", nullable=False),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("label", Text),
    Column("origin", Text),  # of a paired extension
    timestamp("created_at", nullable=False, default=True),
    timestamp("last_used_at"),
    timestamp("revoked_at"),
)

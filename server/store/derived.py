"""Tables that are worked out from others, so that a page need not: figures by day, and the images worth a person's look.

Nothing here is the truth; both can be made again from scans and verdicts. Knows columns, no queries: daily.py and review.py ask.
"""

from __future__ import annotations

from sqlalchemy import ARRAY, BigInteger, Column, Date, Double, ForeignKey, Index, LargeBinary, String, Table, Text, text

from server.contract.records import MODALITIES
from server.store.naming import metadata, when
from server.store.types import Sha256

# Figures of the scans asked for on one day (UTC), by what became of them and which model judged; without deleted ones.
figures_days = Table(
    "figures_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("status", String(16), primary_key=True),
    Column("model_version", Text, primary_key=True),  # '' where no model was asked
    *(
        Column(name, BigInteger, nullable=False, server_default=text("0"))
        for name in (
            "scans",
            "found",
            "unique_images",
            "medical",
            "uncertain",
            "disagreeing",
            "corrected",
            "cached",
            *MODALITIES,
        )
    ),
    Column("confidence_bins", ARRAY(BigInteger), nullable=False),
)

# Days whose figures no longer hold. A trigger on `scans` writes a row in the transaction that changed a scan, and never waits for
# another: there is no key to collide on. Whoever wants figures works these days out again (daily.py).
stale_days = Table("stale_days", metadata, Column("day", Date, nullable=False))

# What a person should look at, the most useful first. A row goes with its thumbnail: what cannot be seen cannot be reviewed.
review_queue = Table(
    "review_queue",
    metadata,
    Column("sha256", Sha256, ForeignKey("thumbnails.sha256", ondelete="CASCADE"), primary_key=True),
    Column("model_version", Text, nullable=False),
    Column("modality", String(16), nullable=False),  # what the model takes it for
    Column("score", Double, nullable=False),
    Column("phash", LargeBinary),  # 8 bytes, to keep look-alikes apart
    when("created_at", nullable=False, default=True),
    when("skipped_at"),
)
Index(
    "ix_review_queue_next",
    review_queue.c.score.desc(),
    review_queue.c.sha256,
    postgresql_where=review_queue.c.skipped_at.is_(None),
)

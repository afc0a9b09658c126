"""The review queue: images whose label would help most, that is uncertain verdicts and those on which the members disagree.

It is a table of its own, written with each verdict and emptied by corrections, so that the next image costs one index probe however
many wait; it can be computed again from verdicts and corrections. A second image that looks like one already labelled teaches
little, so that what is handed out is spread over looks and over modalities.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Double, ForeignKey, Index, LargeBinary, String, Table, Text, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.errors import NotFound
from server.contract.modalities import Modality
from server.contract.records import JudgedImage
from server.store.codec import judged_of
from server.store.columns import Sha256, digest, metadata, timestamp
from server.store.database import Database
from server.store.tables import feedback

BATCH = 12  # images handed out at once: the next ones load while a person decides on this one
POOL = 200  # best of the queue from which look-alikes are removed
RECENT = 50  # newest corrections, which the next images should not look like
COUNTED = 1_000  # nobody needs a more exact number of waiting images
ALIKE = 10  # bits of 64 in which look-alikes' perceptual hashes differ at most
CROWDED = 0.12  # score lost for each image of the same modality chosen before

# A row goes with its thumbnail: an image that cannot be shown cannot be reviewed.
review_queue = Table(
    "review_queue",
    metadata,
    Column("sha256", Sha256, ForeignKey("thumbnails.sha256", ondelete="CASCADE"), primary_key=True),
    Column("model_version", Text, nullable=False),
    Column("modality", String(16), nullable=False),  # of the model's verdict
    Column("score", Double, nullable=False),
    Column("phash", LargeBinary),  # 8 bytes, to spread what is handed out over looks
    timestamp("created_at", nullable=False, default=True),
    timestamp("skipped_at"),
)
Index(
    "ix_review_queue_next",
    review_queue.c.score.desc(),
    review_queue.c.sha256,
    postgresql_where=review_queue.c.skipped_at.is_(None),
)

# The score: 1 - (first - second) is how close the second modality is. Half a point more where members disagree, a quarter where
# "medical or not" is unsure too, and up to half a point where no member is sure by itself, as for images unlike any in the training
# data.
UPDATE_QUEUE = text("""
WITH newest AS (
    SELECT DISTINCT ON (verdicts.sha256) verdicts.*, decode(images.phash, 'hex') AS phash
    FROM verdicts JOIN images USING (sha256) JOIN thumbnails USING (sha256)
    WHERE verdicts.sha256 = ANY(:shas) AND images.corrected_as IS NULL ORDER BY verdicts.sha256, verdicts.created_at DESC
), useful AS (
    SELECT sha256, model_version, modality, phash,
        1 - (first - second) + CASE WHEN agree THEN 0 ELSE 0.5 END + CASE WHEN medical_sure THEN 0 ELSE 0.25 END
            + 0.5 * (1 - surest) AS score
    FROM newest,
    LATERAL (SELECT x AS first, lead(x) OVER (ORDER BY x DESC) AS second FROM unnest(probabilities) AS x
        ORDER BY x DESC LIMIT 1) AS two,
    LATERAL (SELECT coalesce(max(x::float8), 1) AS surest
        FROM jsonb_each(members) AS member, jsonb_array_elements_text(member.value) AS x) AS predictions
    WHERE uncertain OR NOT agree
), settled AS (
    DELETE FROM review_queue WHERE sha256 = ANY(:shas) AND sha256 NOT IN (SELECT sha256 FROM useful)
)
INSERT INTO review_queue (sha256, model_version, modality, score, phash)
SELECT sha256, model_version, modality, score, phash FROM useful ORDER BY sha256
ON CONFLICT (sha256) DO UPDATE SET model_version = excluded.model_version, modality = excluded.modality, score = excluded.score
""")

DETAILS = text("""
SELECT review_queue.score, verdicts.*, images.width, images.height, images.format, images.size, images.phash, images.corrected_as,
    sighting.id AS scan_id, sighting.title, sighting.target
FROM review_queue
JOIN images ON images.sha256 = review_queue.sha256
JOIN verdicts ON verdicts.sha256 = review_queue.sha256 AND verdicts.model_version = review_queue.model_version
LEFT JOIN LATERAL (
    SELECT scans.id, scans.title, scans.target FROM scan_images JOIN scans ON scans.id = scan_images.scan_id
    WHERE scan_images.sha256 = review_queue.sha256 AND scans.deleted_at IS NULL LIMIT 1
) AS sighting ON true
WHERE review_queue.sha256 = ANY(:shas)
""")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row of the queue; `phash` is 64 bits, None when it is not known."""

    sha256: str
    modality: Modality
    score: float
    phash: int | None


@dataclass(frozen=True, slots=True)
class Question:
    """An image to be labelled, and a scan that found it."""

    judged: JudgedImage
    score: float
    scan_id: UUID | None
    name: str


async def update_queue(connection: AsyncConnection, shas: Collection[str]) -> None:
    """Add these images to the queue or remove them, according to their newest verdicts and corrections."""
    if shas:
        await connection.execute(UPDATE_QUEUE, {"shas": sorted(digest(sha256) for sha256 in shas)})


async def next_questions(database: Database, *, limit: int = BATCH, without: Collection[str] = ()) -> list[Question]:
    """The most useful images, spread over looks and modalities; none of `without`, which the person is shown already."""
    queue = review_queue.c
    pool = select(queue.sha256, queue.modality, queue.score, queue.phash).where(queue.skipped_at.is_(None))
    pool = pool.order_by(queue.score.desc(), queue.sha256).limit(POOL + len(without))
    async with database.begin() as connection:
        best = [Waiting(row.sha256, row.modality, row.score, _bits(row.phash)) for row in await connection.execute(pool)]
        shown = [one.phash for one in best if one.sha256 in without and one.phash is not None]
        corrected = await connection.execute(RECENTLY_CORRECTED, {"most": RECENT})
        recent = [bits for row in corrected if (bits := _bits(row.phash)) is not None]
        chosen = varied([one for one in best if one.sha256 not in without], limit, [*shown, *recent])
        rows = (await connection.execute(DETAILS, {"shas": [digest(one.sha256) for one in chosen]})).mappings().all()
    found = {bytes(row["sha256"]).hex(): row for row in rows}
    return [
        Question(
            judged_of({**row, "sha256": one.sha256}, cached=True), one.score, row["scan_id"], (row["title"] or row["target"] or "")
        )
        for one in chosen
        if (row := found.get(one.sha256)) is not None
    ]


RECENTLY_CORRECTED = text("""
SELECT decode(images.phash, 'hex') AS phash
FROM (SELECT sha256 FROM feedback WHERE undone_at IS NULL AND spread_from IS NULL ORDER BY id DESC LIMIT :most) AS newest
JOIN images USING (sha256)
""")


def varied(pool: Sequence[Waiting], limit: int, known: Iterable[int] = ()) -> list[Waiting]:
    """`limit` of `pool`, best first: no two that look alike or like one of the hashes `known`, and modalities alternate where
    scores are close."""
    hashes, remaining, chosen = list(known), list(pool), list[Waiting]()
    while remaining and len(chosen) < limit:
        modalities = [one.modality for one in chosen]
        best = max(remaining, key=lambda one: one.score - CROWDED * modalities.count(one.modality))
        remaining.remove(best)
        if best.phash is not None:
            if any((best.phash ^ other).bit_count() <= ALIKE for other in hashes):
                continue
            hashes.append(best.phash)
        chosen.append(best)
    return chosen or list(pool[:limit])  # all look alike: better than nothing


async def skip(database: Database, sha256: str, *, skipped: bool = True) -> None:
    """Skip this image, or ask about it again. NotFound when it is not on the queue."""
    change = update(review_queue).where(review_queue.c.sha256 == sha256).values(skipped_at=func.now() if skipped else None)
    async with database.begin() as connection:
        if (await connection.execute(change)).rowcount == 0:
            raise NotFound(f"image {sha256} is not waiting for a review")


async def progress(database: Database, today: datetime) -> tuple[int, int]:
    """How many images wait, and how many were labelled since `today`; both counted up to COUNTED."""
    waiting = select(review_queue.c.sha256).where(review_queue.c.skipped_at.is_(None))
    waiting = waiting.order_by(review_queue.c.score.desc(), review_queue.c.sha256).limit(COUNTED)
    labels = select(feedback.c.created_at).where(feedback.c.undone_at.is_(None), feedback.c.spread_from.is_(None))
    newest = labels.order_by(feedback.c.id.desc()).limit(COUNTED).subquery()
    async with database.begin() as connection:
        count = await connection.scalar(select(func.count()).select_from(waiting.subquery()))
        done = await connection.scalar(select(func.count()).select_from(newest).where(newest.c.created_at >= today))
    return count or 0, done or 0


def _bits(phash: bytes | None) -> int | None:
    return int.from_bytes(phash) if phash is not None else None

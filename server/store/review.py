"""What a person should look at next: answers that were unsure, or that the members disagreed on, the most useful first.

Kept as a table of its own, written with each verdict and emptied by corrections, so that the next image costs one index probe
however many wait. Alike pictures teach little twice: what is handed out is spread over looks and over modalities. Knows rows and
scores, no pages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.errors import NotFound
from server.contract.records import JudgedImage, Modality
from server.store.codec import judged_of
from server.store.database import Database
from server.store.derived import review_queue
from server.store.tables import feedback
from server.store.types import digest

BATCH = 12  # images handed out at once: the next ones load while a person decides on this one
POOL = 200  # best of the queue among which look-alikes are told apart
SEEN_LATELY = 50  # newest corrections, which the next images should not look like
COUNTED = 1_000  # nobody needs to know more exactly how many wait
ALIKE = 10  # bits of 64 in which look-alikes' perceptual hashes differ at most
CROWDED = 0.12  # what each earlier image of the same modality takes off a score

# 1 - (first - second): how near the runner-up is. Half a point where members contradict each other, and up to half a point where no
# member is sure by itself, which is how pictures look that are like none it learned from.
CONSIDER = text("""
WITH newest AS (
    SELECT DISTINCT ON (verdicts.sha256) verdicts.*, decode(images.phash, 'hex') AS phash
    FROM verdicts JOIN images USING (sha256) JOIN thumbnails USING (sha256)
    WHERE verdicts.sha256 = ANY(:shas) AND images.corrected_as IS NULL ORDER BY verdicts.sha256, verdicts.created_at DESC
), useful AS (
    SELECT sha256, model_version, modality, phash,
        1 - (first - second) + CASE WHEN agree THEN 0 ELSE 0.5 END + 0.5 * (1 - surest) AS score
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
    met.id AS scan_id, met.title, met.target
FROM review_queue
JOIN images ON images.sha256 = review_queue.sha256
JOIN verdicts ON verdicts.sha256 = review_queue.sha256 AND verdicts.model_version = review_queue.model_version
LEFT JOIN LATERAL (
    SELECT scans.id, scans.title, scans.target FROM scan_images JOIN scans ON scans.id = scan_images.scan_id
    WHERE scan_images.sha256 = review_queue.sha256 AND scans.deleted_at IS NULL LIMIT 1
) AS met ON true
WHERE review_queue.sha256 = ANY(:shas)
""")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row of the queue; `phash` is 64 bits, None when it is not known."""

    sha256: str
    modality: Modality
    score: float
    phash: int | None


@dataclass(frozen=True, slots=True)
class Question:
    """An image to be labelled, and a scan that met it."""

    judged: JudgedImage
    score: float
    scan_id: UUID | None
    name: str


async def consider(connection: AsyncConnection, shas: Collection[str]) -> None:
    """Put these images on the queue, or take them off it, as their newest verdicts and corrections say."""
    if shas:
        await connection.execute(CONSIDER, {"shas": sorted(digest(sha256) for sha256 in shas)})


async def next_questions(database: Database, *, limit: int = BATCH, without: Collection[str] = ()) -> list[Question]:
    """The most useful images, spread over looks and modalities; none of `without`, which the person has at hand."""
    queue = review_queue.c
    pool = select(queue.sha256, queue.modality, queue.score, queue.phash).where(queue.skipped_at.is_(None))
    pool = pool.order_by(queue.score.desc(), queue.sha256).limit(POOL + len(without))
    async with database.begin() as connection:
        best = [Candidate(row.sha256, row.modality, row.score, _bits(row.phash)) for row in await connection.execute(pool)]
        at_hand = [one.phash for one in best if one.sha256 in without and one.phash is not None]
        seen = [bits for row in await connection.execute(LATELY, {"most": SEEN_LATELY}) if (bits := _bits(row.phash)) is not None]
        chosen = varied([one for one in best if one.sha256 not in without], limit, [*at_hand, *seen])
        rows = (await connection.execute(DETAILS, {"shas": [digest(one.sha256) for one in chosen]})).mappings().all()
    found = {bytes(row["sha256"]).hex(): row for row in rows}
    return [
        Question(
            judged_of({**row, "sha256": one.sha256}, cached=True), one.score, row["scan_id"], (row["title"] or row["target"] or "")
        )
        for one in chosen
        if (row := found.get(one.sha256)) is not None
    ]


LATELY = text("""
SELECT decode(images.phash, 'hex') AS phash
FROM (SELECT sha256 FROM feedback WHERE undone_at IS NULL AND spread_from IS NULL ORDER BY id DESC LIMIT :most) AS said
JOIN images USING (sha256)
""")


def varied(pool: Sequence[Candidate], limit: int, seen: Iterable[int] = ()) -> list[Candidate]:
    """`limit` of `pool`, best first: each picture of one look once, and modalities taking turns where scores are close."""
    looks, left, chosen = list(seen), list(pool), list[Candidate]()
    while left and len(chosen) < limit:
        crowd = [one.modality for one in chosen]
        best = max(left, key=lambda one: one.score - CROWDED * crowd.count(one.modality))
        left.remove(best)
        if best.phash is not None:
            if any((best.phash ^ other).bit_count() <= ALIKE for other in looks):
                continue
            looks.append(best.phash)
        chosen.append(best)
    return chosen or list(pool[:limit])  # only look-alikes are left: better than nothing


async def skip(database: Database, sha256: str, *, skipped: bool = True) -> None:
    """Leave this image out, or ask about it again. NotFound when it is not on the queue."""
    change = update(review_queue).where(review_queue.c.sha256 == sha256).values(skipped_at=func.now() if skipped else None)
    async with database.begin() as connection:
        if (await connection.execute(change)).rowcount == 0:
            raise NotFound(f"image {sha256} is not waiting for a review")


async def progress(database: Database, today: datetime) -> tuple[int, int]:
    """How many images wait, and how many people have labelled since `today` began; both counted up to COUNTED."""
    waiting = select(review_queue.c.sha256).where(review_queue.c.skipped_at.is_(None))
    waiting = waiting.order_by(review_queue.c.score.desc(), review_queue.c.sha256).limit(COUNTED)
    said = select(feedback.c.created_at).where(feedback.c.undone_at.is_(None), feedback.c.spread_from.is_(None))
    lately = said.order_by(feedback.c.id.desc()).limit(COUNTED).subquery()
    async with database.begin() as connection:
        left = await connection.scalar(select(func.count()).select_from(waiting.subquery()))
        done = await connection.scalar(select(func.count()).select_from(lately).where(lately.c.created_at >= today))
    return left or 0, done or 0


def _bits(phash: bytes | None) -> int | None:
    return int.from_bytes(phash) if phash is not None else None

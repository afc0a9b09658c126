"""Corrections: a person's label for an image, which overrides its verdict in every scan. All are kept, also undone
ones, for training.

The correction in force is on the image (`images.corrected_as`); the table `feedback` logs who was overruled and when. A correction
also applies to the image's near duplicates, except to those that a person has labelled: these rows name the correction they follow
(`spread_from`) and are undone with it. Every transaction locks images before scans, each in the order of their ids, so that two
corrections cannot deadlock.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.errors import NotFound, RequestError
from server.contract.modalities import MODALITIES, Modality
from server.contract.records import JudgedImage
from server.store import review
from server.store.columns import digest
from server.store.counts import recount
from server.store.database import Database
from server.store.tables import feedback, images, scan_images
from server.store.verdicts import latest, newest_verdict

PAGE = 100
MAX_NEAR_DUPLICATES = 500  # a logo may have thousands; a correction that took longer would make every other one wait
_IN_FORCE = feedback.c.undone_at.is_(None)

# One step only: the originals of an image, and their copies. Copies of copies of copies would drift to different images.
NEAR_DUPLICATES = text("""
WITH originals AS (
    SELECT near_duplicate_of AS sha256 FROM scan_images WHERE sha256 = :sha256 AND near_duplicate_of IS NOT NULL
    UNION SELECT :sha256
)
SELECT sha256 FROM originals WHERE sha256 <> :sha256
UNION
SELECT scan_images.sha256 FROM scan_images JOIN originals ON scan_images.near_duplicate_of = originals.sha256
WHERE scan_images.sha256 <> :sha256
LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class Correction:
    """`previous`: what was shown before, the model's verdict or a correction. `reached`: near duplicates that follow it."""

    id: int
    sha256: str
    modality: Modality
    previous: Modality | None
    model_version: str | None
    created_at: datetime
    reached: int = 0


async def correct(database: Database, sha256: str, modality: str) -> JudgedImage:
    """Override the verdict of one image in every scan; returns the image as it is now shown. NotFound when it was never judged."""
    if modality not in MODALITIES:
        raise RequestError(f"modality must be one of {', '.join(MODALITIES)}")
    async with database.begin() as connection:
        others = await near_duplicates(connection, sha256)
        locked = await _lock(connection, [sha256, *others])
        verdict = await newest_verdict(connection, sha256)
        if verdict is None or sha256 not in locked:
            raise NotFound(f"no image {sha256}")
        shared = {"modality": modality, "model_version": verdict.model_version}
        row = {**shared, "sha256": sha256, "previous": locked[sha256] or verdict.modality}
        correction_id = await connection.scalar(insert(feedback).values(row).returning(feedback.c.id))
        labelled = await _labelled(connection, others)
        reached = [other for other in others if other in locked and other not in labelled]
        if reached:
            rows = [
                {**shared, "sha256": other, "previous": locked[other] or verdict.modality, "spread_from": correction_id}
                for other in reached
            ]
            await connection.execute(insert(feedback), rows)
        await _apply(connection, [sha256, *reached])
    return await _judged(database, sha256)


async def undo(database: Database, sha256: str) -> JudgedImage:
    """Take back the last correction and all that follow it; the one before is in force again. NotFound when there is none."""
    async with database.begin() as connection:
        await _lock(connection, [sha256, *await near_duplicates(connection, sha256)])
        in_force = select(feedback.c.id).where(feedback.c.sha256 == sha256, _IN_FORCE)
        last = await connection.scalar(in_force.order_by(feedback.c.id.desc()).limit(1))
        if last is None:
            raise NotFound(f"no correction of image {sha256}")
        change = (
            update(feedback)
            .where(or_(feedback.c.id == last, feedback.c.spread_from == last), _IN_FORCE)
            .values(undone_at=func.now())
            .returning(feedback.c.sha256)
        )
        await _apply(connection, set((await connection.execute(change)).scalars()))
    return await _judged(database, sha256)


async def corrections(database: Database, *, limit: int = PAGE, before: int | None = None) -> list[Correction]:
    """Corrections in force that people made, newest first; `before` is the id at which the last page ended."""
    following = feedback.alias("following")
    reached = (
        select(func.count())
        .where(following.c.spread_from == feedback.c.id, following.c.undone_at.is_(None))
        .scalar_subquery()
        .label("reached")
    )
    names = ("id", "sha256", "modality", "previous", "model_version", "created_at")
    wanted = select(*(feedback.c[name] for name in names), reached).order_by(feedback.c.id.desc()).limit(limit)
    wanted = wanted.where(_IN_FORCE, feedback.c.spread_from.is_(None))
    if before is not None:
        wanted = wanted.where(feedback.c.id < before)
    async with database.begin() as connection:
        return [Correction(**row) for row in (await connection.execute(wanted)).mappings()]


async def reach_near_duplicates(database: Database, scan_id: UUID) -> None:
    """Apply existing corrections to the near duplicates of corrected images that this scan has found, in both directions."""
    groups: dict[str, list[str]] = {}
    async with database.begin() as connection:
        pairs = select(scan_images.c.near_duplicate_of, scan_images.c.sha256).where(scan_images.c.scan_id == scan_id)
        for original, copy in await connection.execute(pairs.where(scan_images.c.near_duplicate_of.is_not(None))):
            groups.setdefault(original, [original]).append(copy)
        shas = [sha256 for group in groups.values() for sha256 in group]
        if not (shas and await _labelled(connection, shas)):
            return
        locked = await _lock(connection, shas)
        labelled = await _labelled(connection, shas)
        rows: list[dict[str, Any]] = []
        for group in groups.values():
            label = max((labelled[sha256] for sha256 in group if sha256 in labelled), default=None)
            if label is not None:
                shared = {"modality": label.modality, "model_version": None, "spread_from": label.correction_id}
                rows += [{**shared, "sha256": other, "previous": None} for other in group if other in locked and not locked[other]]
        rows = [row for row in rows if not await _was_undone(connection, row["sha256"], row["spread_from"])]
        if rows:
            await connection.execute(insert(feedback), rows)
            await _apply(connection, [row["sha256"] for row in rows])


async def near_duplicates(connection: AsyncConnection, sha256: str) -> list[str]:
    """Images that any scan has folded together with this one, at most MAX_NEAR_DUPLICATES."""
    rows = await connection.execute(NEAR_DUPLICATES, {"sha256": digest(sha256), "most": MAX_NEAR_DUPLICATES})
    return sorted(bytes(found).hex() for found in rows.scalars())


@dataclass(frozen=True, slots=True, order=True)
class _Label:
    """A person's label; the greatest is the newest."""

    correction_id: int
    modality: Modality


async def _lock(connection: AsyncConnection, shas: Sequence[str]) -> dict[str, str | None]:
    """Lock these images until the transaction ends; returns `corrected_as` of each. Concurrent corrections run one by one."""
    wanted = select(images.c.sha256, images.c.corrected_as).where(images.c.sha256.in_(shas)).order_by(images.c.sha256)
    return {row[0]: row[1] for row in await connection.execute(wanted.with_for_update(key_share=True))}


async def _labelled(connection: AsyncConnection, shas: Collection[str]) -> dict[str, _Label]:
    """Those of these images that a person has labelled themselves, not only a near duplicate of them, with the newest label."""
    own = feedback.c.spread_from.is_(None)
    wanted = select(feedback.c.sha256, feedback.c.id, feedback.c.modality).where(feedback.c.sha256.in_(shas), _IN_FORCE, own)
    return {row.sha256: _Label(row.id, row.modality) for row in await connection.execute(wanted.order_by(feedback.c.id))}


async def _was_undone(connection: AsyncConnection, sha256: str, correction_id: int) -> bool:
    """Whether this image followed the correction before; a row that is there and not in force was undone by a person."""
    wanted = select(feedback.c.id).where(feedback.c.sha256 == sha256, feedback.c.spread_from == correction_id)
    return (await connection.execute(wanted.limit(1))).first() is not None


async def _apply(connection: AsyncConnection, shas: Collection[str]) -> None:
    """Write the correction in force onto each image, and update what depends on it: its scans' counts and the review queue."""
    wanted = select(feedback.c.sha256, feedback.c.modality).where(feedback.c.sha256.in_(shas), _IN_FORCE).order_by(feedback.c.id)
    in_force = {row.sha256: row.modality for row in await connection.execute(wanted)}  # the newest row of each image wins
    for modality in {in_force.get(sha256) for sha256 in shas}:
        chosen = [sha256 for sha256 in shas if in_force.get(sha256) == modality]
        await connection.execute(update(images).where(images.c.sha256.in_(chosen)).values(corrected_as=modality))
    await review.update_queue(connection, shas)
    scan_ids = await connection.execute(select(scan_images.c.scan_id).where(scan_images.c.sha256.in_(shas)).distinct())
    await recount(connection, scan_ids.scalars())


async def _judged(database: Database, sha256: str) -> JudgedImage:
    found = await latest(database, sha256)
    if found is None:
        raise NotFound(f"no image {sha256}")
    return found

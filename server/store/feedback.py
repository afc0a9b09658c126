"""What people correct: an image's modality, at once and everywhere. Every correction is kept, also the undone, for training.

The correction in force stands on the image (`corrected_as`); this log says who was overruled, and when. What is said of an image
reaches its near duplicates too, but never one of which a person has spoken: those rows name the one they follow (`spread_from`) and
are undone with it. Images are locked before scans, always, and in one order, so that two corrections never block each other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.errors import NotFound, RequestError
from server.contract.records import MODALITIES, JudgedImage, Modality
from server.store import review
from server.store.counts import recount
from server.store.database import Database
from server.store.near import near_duplicates
from server.store.tables import feedback, images, scan_images
from server.store.verdicts import answer_of, latest

PAGE = 100
_STANDS = feedback.c.undone_at.is_(None)


@dataclass(frozen=True, slots=True)
class Correction:
    """`previous`: what was shown until then, the model's answer or an earlier correction. `reached`: near duplicates that follow"""

    id: int
    sha256: str
    modality: Modality
    previous: Modality | None
    model_version: str | None
    created_at: datetime
    reached: int = 0


async def correct(database: Database, sha256: str, modality: str) -> JudgedImage:
    """Overrule the answer for one image, in every scan; gives the image as it is now shown. NotFound when it was never judged."""
    if modality not in MODALITIES:
        raise RequestError(f"modality must be one of {', '.join(MODALITIES)}")
    async with database.begin() as connection:
        others = await near_duplicates(connection, sha256)
        held = await _locked(connection, [sha256, *others])
        said = await answer_of(connection, sha256)
        if said is None or sha256 not in held:
            raise NotFound(f"no image {sha256}")
        row = {"modality": modality, "model_version": said.model_version}
        about = {**row, "sha256": sha256, "previous": held[sha256] or said.modality}
        said_as = await connection.scalar(insert(feedback).values(about).returning(feedback.c.id))
        spoken = await _spoken_of(connection, others)
        reached = [other for other in others if other in held and other not in spoken]
        if reached:
            rows = [{**row, "sha256": other, "previous": held[other] or said.modality, "spread_from": said_as} for other in reached]
            await connection.execute(insert(feedback), rows)
        await _settle(connection, [sha256, *reached])
    return await _shown(database, sha256)


async def undo(database: Database, sha256: str) -> JudgedImage:
    """Take back the last correction, and what followed from it; what held before holds again. NotFound when there is none."""
    async with database.begin() as connection:
        await _locked(connection, [sha256, *await near_duplicates(connection, sha256)])
        in_force = select(feedback.c.id).where(feedback.c.sha256 == sha256, _STANDS)
        last = await connection.scalar(in_force.order_by(feedback.c.id.desc()).limit(1))
        if last is None:
            raise NotFound(f"no correction of image {sha256}")
        gone = (
            update(feedback)
            .where(or_(feedback.c.id == last, feedback.c.spread_from == last), _STANDS)
            .values(undone_at=func.now())
            .returning(feedback.c.sha256)
        )
        await _settle(connection, set((await connection.execute(gone)).scalars()))
    return await _shown(database, sha256)


async def corrections(database: Database, *, limit: int = PAGE, before: int | None = None) -> list[Correction]:
    """What people said and did not take back, newest first; `before` is the id at which the last page ended."""
    echo = feedback.alias("echo")
    followed = (
        select(func.count())
        .where(echo.c.spread_from == feedback.c.id, echo.c.undone_at.is_(None))
        .scalar_subquery()
        .label("reached")
    )
    names = ("id", "sha256", "modality", "previous", "model_version", "created_at")
    wanted = select(*(feedback.c[name] for name in names), followed).order_by(feedback.c.id.desc()).limit(limit)
    wanted = wanted.where(_STANDS, feedback.c.spread_from.is_(None))
    if before is not None:
        wanted = wanted.where(feedback.c.id < before)
    async with database.begin() as connection:
        return [Correction(**row) for row in (await connection.execute(wanted)).mappings()]


async def reach_near_duplicates(database: Database, scan_id: UUID) -> None:
    """A scan has met near duplicates of corrected images: what was said of those holds for these, and for the scan, too."""
    families: dict[str, list[str]] = {}
    async with database.begin() as connection:
        pairs = select(scan_images.c.near_duplicate_of, scan_images.c.sha256).where(scan_images.c.scan_id == scan_id)
        for original, copy in await connection.execute(pairs.where(scan_images.c.near_duplicate_of.is_not(None))):
            families.setdefault(original, [original]).append(copy)
        met = [sha256 for family in families.values() for sha256 in family]
        if not (met and await _spoken_of(connection, met)):
            return
        held = await _locked(connection, met)
        spoken = await _spoken_of(connection, met)
        rows: list[dict[str, Any]] = []
        for family in families.values():
            told = max((spoken[sha256] for sha256 in family if sha256 in spoken), default=None)
            if told is not None:
                about = {"modality": told.modality, "model_version": None, "spread_from": told.id}
                rows += [{**about, "sha256": other, "previous": None} for other in family if other in held and not held[other]]
        rows = [row for row in rows if not await _taken_back(connection, row["sha256"], row["spread_from"])]
        if rows:
            await connection.execute(insert(feedback), rows)
            await _settle(connection, [row["sha256"] for row in rows])


@dataclass(frozen=True, slots=True, order=True)
class _Said:
    id: int
    modality: Modality


async def _locked(connection: AsyncConnection, shas: Sequence[str]) -> dict[str, str | None]:
    """The correction in force of each, held until the transaction ends: two people's clicks come one after the other."""
    wanted = select(images.c.sha256, images.c.corrected_as).where(images.c.sha256.in_(shas)).order_by(images.c.sha256)
    return {row[0]: row[1] for row in await connection.execute(wanted.with_for_update(key_share=True))}


async def _spoken_of(connection: AsyncConnection, shas: Collection[str]) -> dict[str, _Said]:
    """Those of which a person has spoken, not only of a near duplicate, and the last that was said."""
    own = feedback.c.spread_from.is_(None)
    said = select(feedback.c.sha256, feedback.c.id, feedback.c.modality).where(feedback.c.sha256.in_(shas), _STANDS, own)
    return {row.sha256: _Said(row.id, row.modality) for row in await connection.execute(said.order_by(feedback.c.id))}


async def _taken_back(connection: AsyncConnection, sha256: str, told: int) -> bool:
    """Whether a person has said that this near duplicate is not to follow."""
    wanted = select(feedback.c.id).where(feedback.c.sha256 == sha256, feedback.c.spread_from == told)
    return (await connection.execute(wanted.limit(1))).first() is not None


async def _settle(connection: AsyncConnection, shas: Collection[str]) -> None:
    """Write on these images what holds for them now, and what follows: the counts of their scans, the review queue."""
    said = select(feedback.c.sha256, feedback.c.modality).where(feedback.c.sha256.in_(shas), _STANDS).order_by(feedback.c.id)
    holds = {row.sha256: row.modality for row in await connection.execute(said)}  # the last that was said wins
    for modality in {holds.get(sha256) for sha256 in shas}:
        chosen = [sha256 for sha256 in shas if holds.get(sha256) == modality]
        await connection.execute(update(images).where(images.c.sha256.in_(chosen)).values(corrected_as=modality))
    await review.consider(connection, shas)
    met = await connection.execute(select(scan_images.c.scan_id).where(scan_images.c.sha256.in_(shas)).distinct())
    await recount(connection, met.scalars())


async def _shown(database: Database, sha256: str) -> JudgedImage:
    found = await latest(database, sha256)
    if found is None:
        raise NotFound(f"no image {sha256}")
    return found

"""What people correct: an image's modality, at once and everywhere. Every correction is kept, also the undone, for training.

The correction in force stands on the image (`corrected_as`); this log says who was overruled, and when.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import NotFound, RequestError
from server.records import MODALITIES, JudgedImage, Modality
from server.store.counts import recount
from server.store.database import Database
from server.store.tables import feedback, images, scan_images, verdicts
from server.store.verdicts import latest


@dataclass(frozen=True, slots=True)
class Correction:
    """`previous`: what was shown until then, the model's answer or an earlier correction."""

    id: int
    sha256: str
    modality: Modality
    previous: Modality | None
    model_version: str | None
    created_at: datetime


async def correct(database: Database, sha256: str, modality: str) -> JudgedImage:
    """Overrule the answer for one image, in every scan; gives the image as it is now shown. NotFound when it was never judged."""
    if modality not in MODALITIES:
        raise RequestError(f"modality must be one of {', '.join(MODALITIES)}")
    async with database.begin() as connection:
        row = await _locked(connection, sha256)
        newest = select(verdicts.c.modality, verdicts.c.model_version).where(verdicts.c.sha256 == sha256)
        said = (await connection.execute(newest.order_by(verdicts.c.created_at.desc()).limit(1))).first()
        if said is None:
            raise NotFound(f"no image {sha256}")
        await connection.execute(
            insert(feedback).values(
                sha256=sha256, modality=modality, previous=row or said.modality, model_version=said.model_version
            )
        )
        await _set(connection, sha256, modality)
    return await _shown(database, sha256)


async def undo(database: Database, sha256: str) -> JudgedImage:
    """Take back the last correction; what held before it holds again. NotFound when there is none."""
    async with database.begin() as connection:
        await _locked(connection, sha256)
        in_force = select(feedback.c.id).where(feedback.c.sha256 == sha256, feedback.c.undone_at.is_(None))
        last = await connection.scalar(in_force.order_by(feedback.c.id.desc()).limit(1))
        if last is None:
            raise NotFound(f"no correction of image {sha256}")
        await connection.execute(update(feedback).where(feedback.c.id == last).values(undone_at=func.now()))
        before = select(feedback.c.modality).where(feedback.c.sha256 == sha256, feedback.c.undone_at.is_(None))
        await _set(connection, sha256, await connection.scalar(before.order_by(feedback.c.id.desc()).limit(1)))
    return await _shown(database, sha256)


async def corrections(database: Database, *, limit: int = 100, before: int | None = None) -> list[Correction]:
    """Corrections that were not undone, newest first; `before` is the id at which the last page ended."""
    columns = (
        feedback.c.id,
        feedback.c.sha256,
        feedback.c.modality,
        feedback.c.previous,
        feedback.c.model_version,
        feedback.c.created_at,
    )
    wanted = select(*columns).where(feedback.c.undone_at.is_(None)).order_by(feedback.c.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(feedback.c.id < before)
    async with database.begin() as connection:
        return [Correction(*row) for row in await connection.execute(wanted)]


async def _locked(connection: AsyncConnection, sha256: str) -> str | None:
    """The correction in force, with the image held until the transaction ends: two people's clicks come one after the other."""
    return await connection.scalar(select(images.c.corrected_as).where(images.c.sha256 == sha256).with_for_update(key_share=True))


async def _set(connection: AsyncConnection, sha256: str, modality: str | None) -> None:
    await connection.execute(update(images).where(images.c.sha256 == sha256).values(corrected_as=modality))
    met = await connection.execute(select(scan_images.c.scan_id).where(scan_images.c.sha256 == sha256))
    await recount(connection, met.scalars())


async def _shown(database: Database, sha256: str) -> JudgedImage:
    found = await latest(database, sha256)
    if found is None:
        raise NotFound(f"no image {sha256}")
    return found

"""Deleting scans: at once for people, undone within a minute, then purged together with what only they needed.

All scans of one deletion share one moment in `deleted_at`, which names the deletion: undoing it needs no list of ids, however many
scans it was. The purge keeps verdicts (numbers by hash, which say nothing about who scanned what) and removes thumbnails and heat
maps with the last scan that shows them, except those of corrected images, which are kept for training, and of images that are
tagged, noted or in a collection.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import aggregate_order_by

from server.contract.records import FINISHED
from server.store import events
from server.store.database import Database
from server.store.named_sets import MARKED_IMAGE, change_alone, marked_scans, named_sets, remove_empty_tags, set_items
from server.store.scans import OPEN
from server.store.tables import heatmaps, images, login_codes, scan_events, scan_images, scans, sessions, thumbnails

UNDO = timedelta(minutes=1)  # how long a deleted scan can be restored
EVENTS_KEPT = timedelta(hours=6)  # of finished scans: long enough for a laptop that slept to resume its stream
AT_ONCE = 500  # scans purged in one transaction; each may have hundreds of images, and others wait for the locks


@dataclass(frozen=True, slots=True)
class Deletion:
    """`moment` names the deletion for `restore`, None when nothing was deleted. `running`: scans that need not be finished now."""

    count: int
    moment: datetime | None
    running: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Purged:
    """How many rows a purge removed. `thumbnails_and_maps`: those of images that no scan shows."""

    scans: int
    thumbnails_and_maps: int
    events: int


async def delete_scans(database: Database, scan_ids: Iterable[UUID] | None) -> Deletion:
    """Delete these scans (None: all), permanently after UNDO."""
    chosen = literal(True) if scan_ids is None else scans.c.id.in_(list(scan_ids))
    deleted = (
        update(scans)
        .where(chosen, scans.c.deleted_at.is_(None))
        .values(deleted_at=func.now())
        .returning(scans.c.id, scans.c.status, scans.c.created_at, scans.c.deleted_at)
        .cte("deleted")
    )
    running = func.array_agg(deleted.c.id).filter(deleted.c.status.in_(OPEN))
    newest_first = func.array_agg(aggregate_order_by(deleted.c.id, deleted.c.created_at.desc()))
    async with database.begin() as connection:
        moment, running_ids, ids = (await connection.execute(select(func.min(deleted.c.deleted_at), running, newest_first))).one()
        await events.notify(connection, ids or ())
    return Deletion(len(ids or ()), moment, tuple(running_ids or ()))


async def restore(database: Database, moment: datetime) -> int:
    """Undo the deletion of this moment, within UNDO of it; returns how many scans are back, 0 when it is too late."""
    recent = scans.c.deleted_at > func.now() - UNDO
    change = update(scans).where(scans.c.deleted_at == moment, recent).values(deleted_at=None).returning(scans.c.id)
    async with database.begin() as connection:
        ids = (await connection.execute(change)).scalars().all()
        await events.notify(connection, ids)
    return len(ids)


async def purge(database: Database, retention_days: int = 0) -> Purged:
    """Remove what is due: deleted scans after UNDO, and scans older than `retention_days` (0 keeps them).

    Age removes no scan that is tagged, noted or in a collection, or has an image that is.

    Safe to run from several processes at once; meant to run every few minutes.
    """
    due: ColumnElement[bool] = scans.c.deleted_at < func.now() - UNDO
    if retention_days:
        aged = (scans.c.created_at < func.now() - timedelta(days=retention_days)) & scans.c.status.in_(FINISHED)
        due = or_(due, aged & scans.c.id.not_in(marked_scans()))
    purged = thumbnails_and_maps = 0
    await _purge_sets(database)
    while True:
        async with database.begin() as connection:
            chosen = list(
                (await connection.execute(select(scans.c.id).where(due).limit(AT_ONCE).with_for_update(skip_locked=True))).scalars()
            )
            if not chosen:
                break
            found = select(scan_images.c.sha256).where(scan_images.c.scan_id.in_(chosen)).distinct()
            shas = list((await connection.execute(found)).scalars())
            await connection.execute(delete(scans).where(scans.c.id.in_(chosen)))
            for table in (thumbnails, heatmaps):
                in_a_scan = exists().where(scan_images.c.sha256 == table.c.sha256)
                corrected = exists().where(images.c.sha256 == table.c.sha256, images.c.corrected_as.is_not(None))
                unmarked = text(f"NOT {MARKED_IMAGE.format(table=table.name)}")
                removal = delete(table).where(table.c.sha256.in_(shas), ~in_a_scan, ~corrected, unmarked)
                thumbnails_and_maps += (await connection.execute(removal)).rowcount
        purged += len(chosen)
    async with database.begin() as connection:
        old = scan_events.c.created_at < func.now() - EVENTS_KEPT
        finished = exists().where(scans.c.id == scan_events.c.scan_id, scans.c.status.in_(FINISHED))
        old_events = (await connection.execute(delete(scan_events).where(old, finished))).rowcount
        await connection.execute(delete(sessions).where(sessions.c.expires_at < func.now()))
        await connection.execute(delete(login_codes).where(login_codes.c.expires_at < func.now()))
    return Purged(purged, thumbnails_and_maps, old_events)


async def _purge_sets(database: Database) -> None:
    """Remove collections that were deleted and items that were removed, after UNDO, and tags that nothing carries."""
    async with database.begin() as connection:
        await change_alone(connection)
        await connection.execute(delete(set_items).where(set_items.c.removed_at < func.now() - UNDO))
        await connection.execute(delete(named_sets).where(named_sets.c.deleted_at < func.now() - UNDO))
        await remove_empty_tags(connection)

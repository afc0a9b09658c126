"""What is forgotten for good: deleted scans after their minute, old ones when a limit is set, and what only they needed.

Verdicts stay: numbers by hash, which say nothing about who scanned what. Pictures go with the last scan that shows them, except
those that a person has corrected, which are kept for training. Safe to run from several processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, exists, func, or_, select

from server.contract.records import FINISHED
from server.store.database import Database
from server.store.scans import UNDO
from server.store.tables import heatmaps, images, login_codes, scan_events, scan_images, scans, sessions, thumbnails

EVENTS_KEPT = timedelta(hours=6)  # of finished scans: long enough for a laptop that slept to take up its stream again
AT_ONCE = 500  # scans deleted in one transaction; each may have hundreds of images, and others wait for the locks


@dataclass(frozen=True, slots=True)
class Purged:
    scans: int
    pictures: int
    events: int


async def purge(database: Database, retention_days: int = 0) -> Purged:
    """Delete for good what is due; `retention_days` 0 keeps every scan that nobody deleted. Meant for every few minutes."""
    due = scans.c.deleted_at < func.now() - UNDO
    if retention_days:
        due = or_(due, (scans.c.created_at < func.now() - timedelta(days=retention_days)) & scans.c.status.in_(FINISHED))
    gone = pictures = 0
    while True:
        async with database.begin() as connection:
            chosen = list(
                (await connection.execute(select(scans.c.id).where(due).limit(AT_ONCE).with_for_update(skip_locked=True))).scalars()
            )
            if not chosen:
                break
            met = select(scan_images.c.sha256).where(scan_images.c.scan_id.in_(chosen)).distinct()
            shas = list((await connection.execute(met)).scalars())
            await connection.execute(delete(scans).where(scans.c.id.in_(chosen)))
            for table in (thumbnails, heatmaps):
                still = exists().where(scan_images.c.sha256 == table.c.sha256)
                kept = exists().where(images.c.sha256 == table.c.sha256, images.c.corrected_as.is_not(None))
                pictures += (await connection.execute(delete(table).where(table.c.sha256.in_(shas), ~still, ~kept))).rowcount
        gone += len(chosen)
    async with database.begin() as connection:
        old = scan_events.c.created_at < func.now() - EVENTS_KEPT
        over = exists().where(scans.c.id == scan_events.c.scan_id, scans.c.status.in_(FINISHED))
        events = (await connection.execute(delete(scan_events).where(old, over))).rowcount
        await connection.execute(delete(sessions).where(sessions.c.expires_at < func.now()))
        await connection.execute(delete(login_codes).where(login_codes.c.expires_at < func.now()))
    return Purged(gone, pictures, events)

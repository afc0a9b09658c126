"""Many scans deleted at once, and brought back together within their minute. One scan's deletion is scans.forget.

What is deleted in one go carries one moment in `deleted_at`, which names the whole go: undoing it needs no list of ids, however
many scans it was. The purge (retention.py) takes them for good after scans.UNDO.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, literal, select, update

from server.store.database import Database
from server.store.scans import OPEN, UNDO
from server.store.tables import scans


@dataclass(frozen=True, slots=True)
class Forgotten:
    """`moment` brings them back; None when there was nothing to delete. `running`: those that nobody needs to finish now."""

    count: int
    moment: datetime | None
    running: tuple[UUID, ...]


async def forget_many(database: Database, scan_ids: Iterable[UUID] | None) -> Forgotten:
    """Delete these scans (None: all of them), for good after UNDO."""
    chosen = literal(True) if scan_ids is None else scans.c.id.in_(list(scan_ids))
    gone = (
        update(scans)
        .where(chosen, scans.c.deleted_at.is_(None))
        .values(deleted_at=func.now())
        .returning(scans.c.id, scans.c.status, scans.c.deleted_at)
        .cte("gone")
    )
    running = func.array_agg(gone.c.id).filter(gone.c.status.in_(OPEN))
    async with database.begin() as connection:
        count, moment, still = (await connection.execute(select(func.count(), func.min(gone.c.deleted_at), running))).one()
    return Forgotten(count, moment, tuple(still or ()))


async def bring_back_all(database: Database, moment: datetime) -> int:
    """Undo the go of this moment, within UNDO of it; gives how many came back, 0 when it is too late."""
    recent = scans.c.deleted_at > func.now() - UNDO
    change = update(scans).where(scans.c.deleted_at == moment, recent).values(deleted_at=None)
    async with database.begin() as connection:
        return (await connection.execute(change)).rowcount

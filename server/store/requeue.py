"""What comes between a scan and its end: it is cancelled before it began, or its worker stops or dies. For the queue's use."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, update

from server.store.database import Database
from server.store.events import record
from server.store.tables import scans


async def killed_a_worker(database: Database, scan_id: UUID) -> int:
    """Count one more worker that did not survive this scan, or lost it to an error nobody foresaw; gives how many by now."""
    change = update(scans).where(scans.c.id == scan_id).values(worker_deaths=scans.c.worker_deaths + 1)
    async with database.begin() as connection:
        return await connection.scalar(change.returning(scans.c.worker_deaths)) or 0


async def put_back(database: Database, scan_id: UUID) -> None:
    """A running scan waits again: its worker stops before it ended."""
    change = update(scans).where(scans.c.id == scan_id, scans.c.status == "running").values(status="queued")
    async with database.begin() as connection:
        if (await connection.execute(change)).rowcount:
            await record(connection, scan_id, [("status", {"status": "queued"})])


async def cancel_queued(database: Database, scan_id: UUID) -> bool:
    """End a scan that no worker has taken up; False when one has, or it has ended."""
    change = (
        update(scans).where(scans.c.id == scan_id, scans.c.status == "queued").values(status="cancelled", finished_at=func.now())
    )
    async with database.begin() as connection:
        if (await connection.execute(change)).rowcount == 0:
            return False
        await record(connection, scan_id, [("done", {"status": "cancelled", "error": None})])
    return True

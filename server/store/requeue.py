"""Changes of a scan that the queue makes: cancelled before it started, back on the queue, and its worker's deaths counted."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, update

from server.store.database import Database
from server.store.events import record
from server.store.tables import scans


async def count_worker_death(database: Database, scan_id: UUID) -> int:
    """Count a worker that died while it ran this scan, or ran into an unexpected error; returns how many so far."""
    change = update(scans).where(scans.c.id == scan_id).values(worker_deaths=scans.c.worker_deaths + 1)
    async with database.begin() as connection:
        return await connection.scalar(change.returning(scans.c.worker_deaths)) or 0


async def put_back(database: Database, scan_id: UUID) -> None:
    """Set a running scan to queued again, because its worker stops before the scan has ended."""
    change = update(scans).where(scans.c.id == scan_id, scans.c.status == "running").values(status="queued")
    async with database.begin() as connection:
        if (await connection.execute(change)).rowcount:
            await record(connection, scan_id, [("status", {"status": "queued"})])


async def cancel_queued(database: Database, scan_id: UUID) -> bool:
    """Cancel a scan that no worker has started; False when one has, or it has ended."""
    change = (
        update(scans).where(scans.c.id == scan_id, scans.c.status == "queued").values(status="cancelled", finished_at=func.now())
    )
    async with database.begin() as connection:
        if (await connection.execute(change)).rowcount == 0:
            return False
        await record(connection, scan_id, [("done", {"status": "cancelled", "error": None})])
    return True

"""Recovers the scans of dead workers: another worker runs them again, or they fail (retry.py has the limits).

Any number of workers may call these functions at once.
"""

from __future__ import annotations

from uuid import UUID

from procrastinate import App
from procrastinate.jobs import Job, Status
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.errors import WorkerDied
from server.contract.records import ScanError
from server.jobs.queue import OPEN, QUEUE, enqueue
from server.jobs.retry import ABANDONED_AFTER_S, DEAD_AFTER_S, LOST_AFTER_S, MAX_ATTEMPTS
from server.store import requeue, scans
from server.store.database import Database

# Key of the advisory lock that one recovery holds, so that no two of them retry the same job; the number has no meaning.
RECOVERY_LOCK = 0x6D65646C
WITHOUT_JOB = text("""
SELECT scans.id FROM scans
WHERE scans.status = :status AND scans.deleted_at IS NULL
    AND coalesce(scans.started_at, scans.created_at) < now() - make_interval(secs => :seconds)
    AND NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs AS job
        WHERE job.lock = scans.id::text AND job.status = ANY(CAST(:open AS procrastinate_job_status[]))
    )
LIMIT 100
""")


async def recover(database: Database, app: App, dead_after_s: float = DEAD_AFTER_S) -> None:
    """Put the scans of workers without a heartbeat for `dead_after_s` seconds back on the queue, or end them.

    Returns at once while another worker recovers.
    """
    async with database.begin() as connection:
        if not await connection.scalar(select(func.pg_try_advisory_xact_lock(RECOVERY_LOCK))):
            return
        jobs = await app.job_manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=dead_after_s)
        aborted = set(await app.job_manager.list_jobs_to_abort_async(QUEUE))
        for job in jobs:
            await _recover(database, app, job, cancelled=job.id in aborted)


async def _recover(database: Database, app: App, job: Job, *, cancelled: bool) -> None:
    assert job.lock is not None
    scan_id = UUID(job.lock)
    deaths = await requeue.count_worker_death(database, scan_id)
    if deaths and not cancelled and deaths < MAX_ATTEMPTS:
        await app.job_manager.retry_job(job)
        return
    error = ScanError(WorkerDied.code, f"{deaths} workers died while they scanned this; it is not tried again")
    await app.job_manager.finish_job(job, Status.ABORTED, delete_job=True)
    if cancelled or not deaths:  # no deaths: the scan itself was deleted
        await scans.finish(database, scan_id, status="cancelled")
    else:
        await scans.finish(database, scan_id, status="failed", error=error)


async def sweep(database: Database, app: App) -> None:
    """Create a job for queued scans that have none, and fail running scans that have none."""
    async with database.begin() as connection:
        lost = await _without_job(connection, "queued", LOST_AFTER_S)
        abandoned = await _without_job(connection, "running", ABANDONED_AFTER_S)
    for scan_id in lost:
        await enqueue(app, scan_id)
    for scan_id in abandoned:
        error = ScanError(WorkerDied.code, "the program that scanned this was stopped; scan it again")
        await scans.finish(database, scan_id, status="failed", error=error)


async def _without_job(connection: AsyncConnection, status: str, seconds: float) -> list[UUID]:
    return list((await connection.execute(WITHOUT_JOB, {"status": status, "seconds": seconds, "open": list(OPEN)})).scalars())

"""What dead workers left: their scans are put back, so that the next worker does them again. Knows jobs and scans, not the walk.

A worker is dead when it has given no sign of life for DEAD_AFTER_S. A scan that has killed MAX_DEATHS workers is given up as
failed, so that one bad file cannot kill workers for ever. Everything here is safe to run in any number of workers at once.
"""

from __future__ import annotations

from uuid import UUID

from procrastinate import App
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.errors import WorkerDied
from server.contract.records import ScanError
from server.jobs.queue import QUEUE, enqueue
from server.store import scans
from server.store.database import Database

HEARTBEAT_S = 1.0
DEAD_AFTER_S = 6.0  # longer than a worker's loop ever stands still (importing torch holds it for about two), and back in ten
MAX_DEATHS = 3  # one may be bad luck (a restart, a full memory), two a coincidence
LOST_AFTER_S = 30.0  # a queued scan without a job: its asker died between writing the one and the other
ABANDONED_AFTER_S = 3600.0  # a running scan without a job: `medlens scan` does those itself, and no scan takes an hour

STALLED = text("""
SELECT job.id, job.lock, job.abort_requested FROM procrastinate_jobs AS job
LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id
WHERE job.status = 'doing' AND job.queue_name = :queue
    AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => :seconds))
FOR UPDATE OF job SKIP LOCKED
""")
DIED = text("UPDATE scans SET worker_deaths = worker_deaths + 1 WHERE id = :scan RETURNING worker_deaths")
AGAIN = text("SELECT procrastinate_retry_job_v2(:job, now(), NULL, NULL, NULL)")
NEWS = text("SELECT pg_notify('procrastinate_any_queue_v1', json_build_object('type', 'job_inserted', 'job_id', :job)::text)")
DROP = text("DELETE FROM procrastinate_jobs WHERE id = :job")
WITHOUT_JOB = text("""
SELECT scans.id FROM scans
WHERE scans.status = :status AND scans.deleted_at IS NULL
    AND coalesce(scans.started_at, scans.created_at) < now() - make_interval(secs => :seconds)
    AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs AS job WHERE job.lock = scans.id::text AND job.status IN ('todo', 'doing'))
LIMIT 100
""")


async def recover(database: Database, dead_after_s: float = DEAD_AFTER_S) -> None:
    """Put back the scans of dead workers, or give them up."""
    ends: list[tuple[UUID, ScanError | None]] = []
    async with database.begin() as connection:
        for job in (await connection.execute(STALLED, {"queue": QUEUE, "seconds": dead_after_s})).all():
            scan_id = UUID(job.lock)
            deaths = await connection.scalar(DIED, {"scan": scan_id})
            if deaths is None or job.abort_requested:
                await connection.execute(DROP, {"job": job.id})
                ends.append((scan_id, None))
            elif deaths >= MAX_DEATHS:
                await connection.execute(DROP, {"job": job.id})
                ends.append(
                    (scan_id, ScanError(WorkerDied.code, f"{deaths} workers died while they scanned this; it is not tried again"))
                )
            else:
                await connection.execute(AGAIN, {"job": job.id})
                await connection.execute(NEWS, {"job": job.id})
    for scan_id, error in ends:
        await scans.finish(database, scan_id, status="failed" if error else "cancelled", error=error)


async def sweep(database: Database, app: App) -> None:
    """Ask for queued scans that have no job, and end running ones that nobody runs."""
    async with database.begin() as connection:
        lost = await _without_job(connection, "queued", LOST_AFTER_S)
        abandoned = await _without_job(connection, "running", ABANDONED_AFTER_S)
    for scan_id in lost:
        await enqueue(app, scan_id)
    for scan_id in abandoned:
        gone = ScanError(WorkerDied.code, "the program that scanned this was stopped; scan it again")
        await scans.finish(database, scan_id, status="failed", error=gone)


async def _without_job(connection: AsyncConnection, status: str, seconds: float) -> list[UUID]:
    return list((await connection.execute(WITHOUT_JOB, {"status": status, "seconds": seconds})).scalars())

"""The durable queue, in the same Postgres: one job for each open scan. The workers of worker.py run the jobs.

A job is deleted when its scan ends; the scan's row keeps the outcome. The lock of a job is the scan's id, so that no two workers
run one scan, and a scan is queued only once, however often it is enqueued.

Callers take turns: a job's priority is lower by one for each open scan that its caller already has, so that a single scan does not
wait for the hundred scans of another caller.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self
from uuid import UUID

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from psycopg_pool import PoolTimeout
from sqlalchemy import text

from server.contract.errors import DatabaseUnavailable
from server.store import requeue
from server.store.database import Database

QUEUE = "scans"
TASK = "scan"
POOL = 2  # connections of a process that only enqueues; a worker has more
OPEN = ("todo", "doing")  # procrastinate's states of a job that is not finished
OPEN_OF_CALLER = text("""
SELECT count(*) FROM procrastinate_jobs
WHERE queue_name = :queue AND status = ANY(CAST(:open AS procrastinate_job_status[])) AND args ->> 'caller' = :caller
""")
# What procrastinate raises when it cannot reach the database. It does not translate the second, which opening connections raises.
DATABASE_AWAY = (ConnectorException, PoolTimeout)


def open_app(database: Database, connections: int = POOL) -> App:
    """A procrastinate app on the database; open it by `async with app.open_async()`."""
    return App(connector=PsycopgConnector(conninfo=database.conninfo, min_size=1, max_size=connections))


class Queue:
    """`async with Queue(database) as queue:`. One is enough for a process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._app = open_app(database)

    async def __aenter__(self) -> Self:
        with _database_errors():
            await self._app.open_async()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._app.close_async()

    async def enqueue(self, scan_id: UUID, caller: str = "") -> None:
        """Add a stored scan to the queue, unless it is there already. `caller`: who takes turns with other callers."""
        async with self._database.begin() as connection:
            asked = {"queue": QUEUE, "open": list(OPEN), "caller": caller}
            before = int(await connection.scalar(OPEN_OF_CALLER, asked) or 0)
        await enqueue(self._app, scan_id, caller, -before)

    async def cancel(self, scan_id: UUID) -> bool:
        """Cancel a scan: at once while it waits, within moments when a worker runs it. False when it has ended or is deleted.

        A running scan becomes `cancelled` when its worker has stopped; the images found until then are kept.
        """
        was_waiting = await requeue.cancel_queued(self._database, scan_id)
        manager = self._app.job_manager
        with _database_errors():
            jobs = await manager.list_jobs_async(queue=QUEUE, lock=str(scan_id))
            open_jobs = [job.id for job in jobs if job.status in OPEN and job.id is not None]
            cancelled = [await manager.cancel_job_by_id_async(job, abort=True, delete_job=True) for job in open_jobs]
        return was_waiting or any(cancelled)

    async def waiting(self) -> int:
        """How many scans no worker has started yet."""
        with _database_errors():
            queues = await self._app.job_manager.list_queues_async(queue=QUEUE)
        return sum(int(queue["todo"]) for queue in queues)

    async def workers(self, within_s: float = 10.0) -> int:
        """How many workers had a heartbeat in the last `within_s` seconds."""
        alive = text("SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => :within)")
        async with self._database.begin() as connection:
            return int(await connection.scalar(alive, {"within": within_s}) or 0)


async def enqueue(app: App, scan_id: UUID, caller: str = "", priority: int = 0) -> None:
    """Add a job for the scan, unless it has one that waits."""
    lock = str(scan_id)
    with _database_errors(), suppress(AlreadyEnqueued):
        task = app.configure_task(TASK, queue=QUEUE, lock=lock, queueing_lock=lock, priority=priority)
        await task.defer_async(scan_id=lock, caller=caller)


@contextmanager
def _database_errors() -> Iterator[None]:
    """Raise DatabaseUnavailable when procrastinate cannot reach the database."""
    try:
        yield
    except DATABASE_AWAY as error:
        raise DatabaseUnavailable(f"the queue cannot reach the database: {error}") from error

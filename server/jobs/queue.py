"""The durable queue: one job a scan, in the same Postgres. Asks for scans and for their end; worker.py works them off.

A job lives as long as its scan is open: it is deleted when the scan ends, and the scan's row says how. Its lock is the scan's id,
so no two workers walk one scan, and asking twice asks once.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self
from uuid import UUID

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from sqlalchemy import text

from server.contract.errors import DatabaseUnavailable
from server.store import requeue
from server.store.database import Database

QUEUE = "scans"
TASK = "scan"
POOL = 2  # connections that only ask; a worker brings more

OPEN_JOB = text(
    "SELECT id, status::text FROM procrastinate_jobs WHERE lock = :lock AND status IN ('todo', 'doing') ORDER BY id DESC LIMIT 1"
)


def open_app(database: Database, connections: int = POOL) -> App:
    """procrastinate on the database's address; to be opened by `async with app.open_async()`."""
    return App(connector=PsycopgConnector(conninfo=database.conninfo, min_size=1, max_size=connections))


class Queue:
    """`async with Queue(database) as queue:`. One a process is enough."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._app = open_app(database)

    async def __aenter__(self) -> Self:
        try:
            await self._app.open_async()
        except ConnectorException as error:
            raise DatabaseUnavailable(f"the queue cannot reach the database: {error}") from error
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._app.close_async()

    async def enqueue(self, scan_id: UUID) -> None:
        """Have a scan done that scans.create has written down; a scan that waits already is not asked for twice."""
        await enqueue(self._app, scan_id)

    async def cancel(self, scan_id: UUID) -> bool:
        """Stop a scan: at once when it waits, within moments when a worker has it; False when it has ended or is gone.

        A running scan's own row says `cancelled` when its worker has let go (scans.finish keeps what was found until then).
        """
        waited = await requeue.cancel_queued(self._database, scan_id)
        async with self._database.begin() as connection:
            job = (await connection.execute(OPEN_JOB, {"lock": str(scan_id)})).first()
        asked = job is not None and await self._app.job_manager.cancel_job_by_id_async(job.id, abort=True, delete_job=True)
        return waited or asked

    async def waiting(self) -> int:
        """How many scans no worker has taken up yet."""
        counted = text("SELECT count(*) FROM procrastinate_jobs WHERE queue_name = :queue AND status = 'todo'")
        async with self._database.begin() as connection:
            return int(await connection.scalar(counted, {"queue": QUEUE}) or 0)

    async def workers(self, within_s: float = 10.0) -> int:
        """How many workers have given a sign of life in the last `within_s` seconds."""
        alive = text("SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => :within)")
        async with self._database.begin() as connection:
            return int(await connection.scalar(alive, {"within": within_s}) or 0)


async def enqueue(app: App, scan_id: UUID) -> None:
    lock = str(scan_id)
    try:
        await app.configure_task(TASK, queue=QUEUE, lock=lock, queueing_lock=lock).defer_async(scan_id=lock)
    except AlreadyEnqueued:
        return
    except ConnectorException as error:
        raise DatabaseUnavailable(f"the queue cannot reach the database: {error}") from error

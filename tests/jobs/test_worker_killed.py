"""Worker processes that are killed: their scans run again, and a scan that kills every worker fails."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from uuid import UUID

from server.jobs.queue import Queue
from server.jobs.retry import MAX_ATTEMPTS
from server.store import events, scans
from server.store.database import Database
from tests.jobs.conftest import ask, until

Spawn = Callable[[], "subprocess.Popen[bytes]"]


async def test_the_scan_of_a_killed_worker_is_done_by_the_next(database: Database, queue: Queue, spawn_worker: Spawn) -> None:
    scan_id = await ask(database, queue, "hang once")
    first = spawn_worker()
    await until(lambda: _takers(database, scan_id))
    first.kill()
    first.wait()
    second = spawn_worker()
    await until(lambda: _is(database, scan_id, "done"))
    assert await _takers(database, scan_id) == [first.pid, second.pid]


async def test_a_scan_that_kills_its_workers_is_given_up(database: Database, queue: Queue, spawn_worker: Spawn) -> None:
    scan_id = await ask(database, queue, "kill the worker")
    for deaths in range(1, MAX_ATTEMPTS + 1):
        assert spawn_worker().wait() == -9
        assert len(await _takers(database, scan_id)) == deaths
    good = await ask(database, queue)
    spawn_worker()
    await until(lambda: _is(database, good, "done"))
    await until(lambda: _is(database, scan_id, "failed"))
    error = (await scans.report(database, scan_id)).error
    assert error is not None
    assert error.code == "worker_died"


async def _takers(database: Database, scan_id: UUID) -> list[int]:
    return [event.data["pid"] for event in await events.since(database, scan_id) if event.kind == "taken"]


async def _is(database: Database, scan_id: UUID, status: str) -> bool:
    return await scans.status_of(database, scan_id) == status

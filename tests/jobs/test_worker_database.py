"""A worker whose database is late, goes away, or stays away."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from psycopg_pool import PoolTimeout

from server.contract.errors import DatabaseUnavailable
from server.jobs import worker
from server.jobs.queue import Queue
from server.settings import Settings
from server.store import scans
from server.store.database import Database
from tests.jobs.conftest import Work, ask, until


async def test_a_worker_that_gets_no_connection_at_first_waits_for_one(
    database: Database, queue: Queue, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, failures = PsycopgConnector.open_async, [PoolTimeout("no connection within 30 s")]

    async def open_late(*given: object, **named: object) -> None:
        if failures:
            raise failures.pop()
        await opened(*given, **named)  # type: ignore[arg-type]

    async def done(scan_id: UUID) -> None:
        await scans.start(database, scan_id)
        await scans.finish(database, scan_id, status="done")

    scan_id = await ask(database, queue)
    monkeypatch.setattr(PsycopgConnector, "open_async", open_late)
    async with work(done):
        await until(lambda: _ended(database, scan_id))
    assert failures == []


async def test_a_scan_whose_database_went_away_is_put_back_once_it_answers(
    database: Database, queue: Queue, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put back before, the job would stay with this worker for ever: the queue has no connection either."""
    happened: list[str] = []

    async def away_at_first(scan_id: UUID) -> None:
        await scans.start(database, scan_id)
        happened.append("ran")
        if len(happened) == 1:
            raise DatabaseUnavailable("gone")
        await scans.finish(database, scan_id, status="done")

    async def answers(*_: object) -> bool:
        happened.append("asked")
        if happened.count("asked") < 3:
            raise ConnectorException("gone")
        return True

    monkeypatch.setattr(worker, "RESTART_S", 0.05)
    monkeypatch.setattr(App, "check_connection_async", answers)
    scan_id = await ask(database, queue)
    async with work(away_at_first):
        await until(lambda: _ended(database, scan_id))
    assert happened[:5] == ["ran", "asked", "asked", "asked", "ran"]


async def test_a_worker_cancelled_while_its_database_is_away_ends(
    database: Database, database_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cannot_tidy(*_: object) -> None:
        try:
            await asyncio.sleep(600)
        finally:
            raise ConnectorException("the queue signs off at a database that is gone")

    async def idle(scan_id: UUID) -> None:
        pass

    monkeypatch.setattr(worker, "_work", cannot_tidy)
    task = asyncio.create_task(worker.run_worker(database, database_settings, idle))
    await asyncio.sleep(0.5)
    task.cancel()
    await asyncio.wait((task,), timeout=worker.RESTART_S + 5)
    assert task.cancelled()


async def _ended(database: Database, scan_id: UUID) -> bool:
    return await scans.status_of(database, scan_id) == "done"

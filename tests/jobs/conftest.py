"""Fixtures of the queue: workers in this process, and worker processes that can be killed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID

import pytest

from server.jobs.queue import Queue
from server.jobs.worker import run_worker
from server.settings import Settings
from server.store import events, scans
from server.store.database import Database

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0

Perform = Callable[[UUID], Awaitable[None]]
Work = Callable[[Perform], AbstractAsyncContextManager[asyncio.Task[None]]]


@pytest.fixture
async def queue(database: Database) -> AsyncIterator[Queue]:
    async with Queue(database) as opened:
        yield opened


@pytest.fixture
def work(database: Database, database_settings: Settings) -> Work:
    """`async with work(run_scan):` runs a worker in this process and stops it as Ctrl-C would."""

    @asynccontextmanager
    async def run(run_scan: Perform) -> AsyncIterator[asyncio.Task[None]]:
        ready = asyncio.Event()
        task = asyncio.create_task(run_worker(database, database_settings, run_scan, ready=ready))
        await asyncio.wait_for(ready.wait(), PATIENCE_S)
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return run


@pytest.fixture
def spawn_worker(database_settings: Settings) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start a worker process on this test's database; what is left of them is killed after the test."""
    started: list[subprocess.Popen[bytes]] = []
    assert database_settings.database_url is not None
    environment = os.environ | {"MEDLENS_DATABASE_URL": database_settings.database_url.get_secret_value(), "PYTHONPATH": str(ROOT)}

    def spawn() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, str(ROOT / "tests/jobs/program.py")], env=environment, cwd=ROOT))
        return started[-1]

    yield spawn
    for process in started:
        process.kill()
        process.wait()


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():
            await asyncio.sleep(0.05)


async def kinds(database: Database, scan_id: UUID) -> list[str]:
    return [event.kind for event in await events.since(database, scan_id)]


async def ask(database: Database, queue: Queue, target: str = "x") -> UUID:
    scan_id = await scans.create(database, kind="page", target=target)
    await queue.enqueue(scan_id)
    return scan_id

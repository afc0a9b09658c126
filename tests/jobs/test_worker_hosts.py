"""A worker with MEDLENS_HOST_DELAY_S: scans of a host that rests wait on the queue."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from server.jobs import worker
from server.jobs.queue import Queue
from server.settings import Settings
from server.store import scans
from server.store.database import Database
from tests.jobs.conftest import until


async def all_done(database: Database, scan_ids: list[UUID]) -> bool:
    return all([await scans.status_of(database, scan_id) == "done" for scan_id in scan_ids])


async def test_a_host_that_rests_takes_no_place_of_others(
    database: Database, database_settings: Settings, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One scan at a time: the second scan of a host goes back on the queue, and the scan of another host is done before it."""
    monkeypatch.setattr(worker, "POLL_S", 0.2)
    settings = database_settings.model_copy(update={"host_delay_s": 3.0, "scans_at_once": 1})
    started: dict[UUID, float] = {}

    async def run_scan(scan_id: UUID) -> None:
        started[scan_id] = asyncio.get_running_loop().time()
        await scans.start(database, scan_id)
        await scans.finish(database, scan_id, status="done")

    asked = []
    for url in ("https://a.example/1", "https://a.example/2", "https://b.example/"):
        asked.append(await scans.create(database, kind="page", target=url, url=url))
        await queue.enqueue(asked[-1])
    task = asyncio.create_task(worker.run_worker(database, settings, run_scan))
    try:
        await until(lambda: all_done(database, asked))
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert list(started) == [asked[0], asked[2], asked[1]]
    assert started[asked[1]] - started[asked[0]] > 2

"""Runs a scan worker: the queue's jobs, performed in a resources that stays warm."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import NoReturn
from uuid import UUID

from server.cli.ending import leave, listen
from server.jobs.worker import run_worker
from server.logs import configure, scan_bound
from server.scan.resources import open_resources
from server.scan.runner import ScanRunner
from server.settings import Settings
from server.store.database import Database


async def work(settings: Settings, *, attached: bool) -> NoReturn:
    """Until SIGINT, SIGTERM, or (attached) the end of standard input; then ends the process. Scans in hand go back on the queue."""
    configure(settings)
    asked = listen(attached=attached)
    working = asyncio.create_task(_work(settings), name="work")
    stopping = asyncio.create_task(asked.wait(), name="wait for the end")
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    for task in (working, stopping):
        task.cancel()
    with suppress(asyncio.CancelledError):
        await working
    leave()


async def _work(settings: Settings) -> None:
    """Work until cancelled, also while the database or the model is still being opened."""
    async with Database(settings) as database, open_resources(settings) as resources:
        await database.migrate()
        runner = ScanRunner(database, resources)

        async def run_scan(scan_id: UUID) -> None:
            with scan_bound(scan_id):
                await runner.run_scan(scan_id)

        warming = asyncio.create_task(resources.warm(), name="warm up")
        try:
            await run_worker(database, settings, run_scan, runner.explain)
        finally:
            warming.cancel()
            await asyncio.gather(warming, return_exceptions=True)

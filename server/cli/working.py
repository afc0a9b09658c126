"""Runs a scan worker: the queue's jobs, performed in a workshop that stays warm."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from uuid import UUID

from server.jobs.worker import run_worker
from server.logs import configure, scan_bound
from server.perform import Performer
from server.settings import Settings
from server.store.database import Database
from server.workshop import open_workshop


async def work(settings: Settings, *, attached: bool) -> None:
    """Until SIGINT, SIGTERM, or (attached) the end of standard input. Scans in hand go back on the queue."""
    configure(settings)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    if attached:
        await _watch_input(stopped)
    async with Database(settings) as database, open_workshop(settings) as workshop:
        await database.migrate()
        performer = Performer(database, workshop)

        async def perform(scan_id: UUID) -> None:
            with scan_bound(scan_id):
                await performer.perform(scan_id)

        warming = asyncio.create_task(workshop.warm(), name="warm up")
        working = asyncio.create_task(run_worker(database, settings, perform, performer.explain), name="work")
        stopping = asyncio.create_task(stopped.wait())
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        for task in (warming, working, stopping):
            task.cancel()
        for task in (warming, stopping):
            with suppress(asyncio.CancelledError):
                await task
        with suppress(asyncio.CancelledError):
            await working


async def _watch_input(stopped: asyncio.Event) -> None:
    """Set `stopped` when standard input ends."""
    loop = asyncio.get_running_loop()

    class Ended(asyncio.Protocol):
        def eof_received(self) -> None:
            stopped.set()

        def connection_lost(self, error: Exception | None) -> None:
            stopped.set()

    await loop.connect_read_pipe(Ended, sys.stdin)

"""A worker process for tests that kill it; the target of a scan says what it does. Run by test_worker_killed.py."""

from __future__ import annotations

import asyncio
import os
import signal
from uuid import UUID

from server.jobs.worker import run_worker
from server.settings import load_settings
from server.store import events, scans
from server.store.database import Database


async def main() -> None:
    async with Database(load_settings()) as database:

        async def run_scan(scan_id: UUID) -> None:
            asked = await scans.start(database, scan_id)
            assert asked is not None
            await events.append(database, scan_id, "taken", {"pid": os.getpid()})
            if asked.target == "kill the worker":
                os.kill(os.getpid(), signal.SIGKILL)
            if asked.target == "hang once" and len(await events.since(database, scan_id)) <= 3:
                await asyncio.sleep(600)
            await scans.finish(database, scan_id, status="done")

        await run_worker(database, load_settings(), run_scan)


asyncio.run(main())

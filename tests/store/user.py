"""A user of the embedded server as a process of its own: connects, says so, waits to be told to stop. The fixture `use` runs it."""

from __future__ import annotations

import asyncio
import sys

from server.settings import load_settings
from server.store.database import Database


async def main() -> None:
    async with Database(load_settings()) as database:
        await database.migrate()
        await database.ready()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)


asyncio.run(main())

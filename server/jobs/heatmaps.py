"""Heat maps on demand: asked for by the web process, made by a worker, read from the store when they are there.

Asking is a notification and no job: a map takes a blink and is worth nothing to anyone but who waits for it, so it neither counts
nor waits as a scan does, and one that got lost is asked for again. It does not know how a map is made.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

import psycopg
from sqlalchemy import func, select

from server.contract.errors import DatabaseUnavailable, MedlensError
from server.store.database import Database

CHANNEL = "medlens_heatmaps"
RECONNECT_S = 2.0

Explain = Callable[[str, str], Awaitable[None]]
log = logging.getLogger(__name__)


async def ask(database: Database, sha256: str, model_version: str) -> None:
    """Tell all workers that somebody waits for the map of this image; nobody may listen, or none run this model version."""
    wanted = json.dumps([sha256, model_version])
    async with database.begin() as connection:
        await connection.execute(select(func.pg_notify(CHANNEL, wanted)))


async def serve(database: Database, explain: Explain) -> None:
    """Make what is asked for, one map after the other, until cancelled: `explain(sha256, model_version)` makes one and keeps it."""
    while True:
        with suppress(psycopg.OperationalError, DatabaseUnavailable):
            async with await psycopg.AsyncConnection.connect(database.conninfo, autocommit=True) as connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                async for notice in connection.notifies():
                    await _make(explain, notice.payload)
        await asyncio.sleep(RECONNECT_S)


async def _make(explain: Explain, payload: str) -> None:
    try:
        sha256, model_version = json.loads(payload)
        await explain(sha256, model_version)
    except MedlensError as error:
        log.warning("no heat map: %s", error)
    except Exception:  # one picture must not end all maps
        log.exception("no heat map")

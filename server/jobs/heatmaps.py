"""Heat maps on demand: requested by the web process, made by a worker, and read from the store when they are ready.

A request is a Postgres notification and not a job: a map takes a fraction of a second and matters only to the person who waits for
it, so a request that is lost is simply repeated.
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


async def request(database: Database, sha256: str, model_version: str) -> None:
    """Notify all workers that the map of this image is requested. There may be no worker, or none with this model version."""
    wanted = json.dumps([sha256, model_version])
    async with database.begin() as connection:
        await connection.execute(select(func.pg_notify(CHANNEL, wanted)))


async def serve(database: Database, explain: Explain) -> None:
    """Make the requested maps one after the other, until cancelled. `explain(sha256, model_version)` makes and stores one."""
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
    except Exception:  # an error for one image must not end the loop
        log.exception("no heat map")

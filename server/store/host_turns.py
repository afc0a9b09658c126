"""The turns of hosts: over all workers, two scans of one host start at least MEDLENS_HOST_DELAY_S seconds apart.

A host has a row from the start of a scan until its delay has passed and nobody waits for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Column, Table, Text, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from server.store.columns import metadata, timestamp
from server.store.database import Database
from server.store.tables import scans

host_turns = Table(
    "host_turns",
    metadata,
    Column("host", Text, primary_key=True),
    timestamp("free_at", nullable=False),  # from when a scan of the host may start
    timestamp("promised_at", nullable=False),  # the last moment that was given to a scan to ask again
)


async def take_turn(database: Database, scan_id: UUID, delay_s: float, patience_s: float) -> float | datetime:
    """Take a turn at the host of the scan: the seconds until it may start, or the moment to ask again.

    The turn is taken if it comes within `patience_s` seconds. The moments at which waiting scans ask again are `delay_s` seconds
    apart, so that not all of them ask for the same turn. A scan without an address may start at once.
    """
    delay = timedelta(seconds=delay_s)
    async with database.begin() as connection:
        host = await connection.scalar(select(scans.c.host).where(scans.c.id == scan_id))
        if host is None:
            return 0.0
        over = func.greatest(host_turns.c.free_at, host_turns.c.promised_at) < func.clock_timestamp()
        await connection.execute(delete(host_turns).where(over))
        now = func.clock_timestamp()
        first = upsert(host_turns).values(host=host, free_at=now, promised_at=now).on_conflict_do_nothing()
        await connection.execute(first)
        mine = host_turns.c.host == host
        turns = select(host_turns.c.free_at, host_turns.c.promised_at, func.clock_timestamp()).where(mine).with_for_update()
        free_at, promised_at, present = (await connection.execute(turns)).one()
        start = max(free_at, present)
        if start - present <= timedelta(seconds=patience_s):
            await connection.execute(update(host_turns).where(mine).values(free_at=start + delay))
            return float((start - present).total_seconds())
        again: datetime = max(start, promised_at + delay)
        await connection.execute(update(host_turns).where(mine).values(promised_at=again))
        return again

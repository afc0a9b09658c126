"""The figures of each day, worked out again only where a scan of that day changed. Knows days; stats.py makes figures of them.

A trigger writes the day of every changed scan into `stale_days`, in the transaction that changed it. Whoever reads figures first
works those days out anew, one reader at a time: a day that a transaction changes meanwhile stays stale for the next reader.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.records import MODALITIES
from server.store.derived import figures_days, stale_days
from server.store.tables import CONFIDENCE_BINS

REFRESH_LOCK = 0x6D646179  # "mday": the advisory lock under which one reader works days out

COUNTS = ("found", "unique_images", "medical", "uncertain", "disagreeing", "corrected", "cached", *MODALITIES)
SUMS = ", ".join(f"sum({name})::bigint" for name in COUNTS)
BINS = ", ".join(f"coalesce(sum(confidence_bins[{i + 1}]), 0)::bigint" for i in range(CONFIDENCE_BINS))

# Each day is a range of ix_scans_newest, so a handful of days costs a handful of days however many there are.
WORKED_OUT = text(f"""
INSERT INTO figures_days (day, status, model_version, scans, {", ".join(COUNTS)}, confidence_bins)
SELECT changed.day, status, coalesce(model_version, ''), count(*), {SUMS}, ARRAY[{BINS}]
FROM unnest(CAST(:days AS date[])) AS changed (day) JOIN scans ON deleted_at IS NULL
    AND created_at >= changed.day::timestamp AT TIME ZONE 'UTC' AND created_at < (changed.day + 1)::timestamp AT TIME ZONE 'UTC'
GROUP BY 1, 2, 3
""")  # noqa: S608 -- made of names from this program only


async def refresh(connection: AsyncConnection) -> int:
    """Bring every stale day up to date, within this transaction; gives how many there were. One query when there are none."""
    if not await connection.scalar(select(select(stale_days.c.day).exists())):
        return 0
    await connection.execute(select(func.pg_advisory_xact_lock(REFRESH_LOCK)))
    gone: list[date] = list((await connection.execute(delete(stale_days).returning(stale_days.c.day))).scalars())
    days = sorted(set(gone))
    if days:
        await connection.execute(delete(figures_days).where(figures_days.c.day.in_(days)))
        await connection.execute(WORKED_OUT, {"days": days})
    return len(days)

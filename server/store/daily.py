"""Counts of each day (UTC), so that charts need not read scans; brought up to date only for days on which a scan changed.

Both tables can be computed again from `scans`. A trigger writes the day of every changed scan into `stale_days`, in the transaction
that changed it, and never waits for another: that table has no key to collide on. Whoever reads statistics first computes those
days again, one reader at a time; a day that a transaction changes meanwhile stays stale for the next reader.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import ARRAY, BigInteger, Column, Date, String, Table, Text, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.modalities import MODALITIES
from server.store.columns import metadata
from server.store.tables import CONFIDENCE_BINS

REFRESH_LOCK = 0x6D646179  # "mday": the advisory lock under which one reader computes days

COUNTS = ("found", "unique_images", "medical", "uncertain", "disagreeing", "corrected", "cached", *MODALITIES)
SUMS = ", ".join(f"sum({name})::bigint" for name in COUNTS)
BINS = ", ".join(f"coalesce(sum(confidence_bins[{i + 1}]), 0)::bigint" for i in range(CONFIDENCE_BINS))

# Scans created on one day, by status and model version; deleted scans are left out.
figures_days = Table(
    "figures_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("status", String(16), primary_key=True),
    Column("model_version", Text, primary_key=True),  # '' where no model was asked
    *(Column(name, BigInteger, nullable=False, server_default=text("0")) for name in ("scans", *COUNTS)),
    Column("confidence_bins", ARRAY(BigInteger), nullable=False),
)
stale_days = Table("stale_days", metadata, Column("day", Date, nullable=False))

# Each day is a range of ix_scans_newest: the cost depends on the number of days, not on the number of scans kept.
COMPUTE_DAYS = text(f"""
INSERT INTO figures_days (day, status, model_version, scans, {", ".join(COUNTS)}, confidence_bins)
SELECT changed.day, status, coalesce(model_version, ''), count(*), {SUMS}, ARRAY[{BINS}]
FROM unnest(CAST(:days AS date[])) AS changed (day) JOIN scans ON deleted_at IS NULL
    AND created_at >= changed.day::timestamp AT TIME ZONE 'UTC' AND created_at < (changed.day + 1)::timestamp AT TIME ZONE 'UTC'
GROUP BY 1, 2, 3
""")  # noqa: S608 -- made of names from this program only


async def refresh(connection: AsyncConnection) -> int:
    """Bring every stale day up to date, in this transaction; returns how many there were. One query when there are none."""
    if not await connection.scalar(select(select(stale_days.c.day).exists())):
        return 0
    await connection.execute(select(func.pg_advisory_xact_lock(REFRESH_LOCK)))
    stale: list[date] = list((await connection.execute(delete(stale_days).returning(stale_days.c.day))).scalars())
    days = sorted(set(stale))
    if days:
        await connection.execute(delete(figures_days).where(figures_days.c.day.in_(days)))
        await connection.execute(COMPUTE_DAYS, {"days": days})
    return len(days)

"""A whole database of use, by SQL: three years of scans with images, verdicts, thumbnails, corrections and what waits for review.

For benchmarks and for tests of plans and query counts. Rows are made from hashes of their number: one size, one content.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from server.store import daily
from server.store.database import Database

STEPS = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split("\n;\n")
DAYS = 1_095  # three years, the newest scan an hour old
CORRECTED = 331  # one image in so many is corrected: three thousand in a million


async def seed(
    database: Database, scans: int, each: int = 10, webp: bytes = b"", tell: Callable[[str], None] | None = None
) -> None:
    """Fill an empty, migrated database with `scans` scans of `each` images (one of 33 a near copy), and let Postgres look at it."""
    values = {"scans": scans, "each": each, "images": scans * each, "days": DAYS, "webp": webp, "corrected": CORRECTED}
    for step in STEPS:
        if tell:
            tell(step.strip().splitlines()[-1][:70])
        async with database.begin() as connection:
            asked = {name: value for name, value in values.items() if f":{name}" in step}
            await connection.execute(text(step), asked)
    async with database.engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text("VACUUM ANALYZE"))
    async with database.begin() as connection:
        await daily.refresh(connection)

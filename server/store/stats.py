"""Figures for the charts, from what is kept for each day: no scan and no image is looked at, so a million of them cost nothing.

Counts are over unique images of each scan: an image met by two scans counts in both, as two people saw it. What people said of
answers is corrections.py's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.records import MODALITIES, Modality, Status
from server.store.daily import BINS, COUNTS, refresh
from server.store.database import Database
from server.store.said import Corrections, said
from server.store.tables import CONFIDENCE_BINS

TIMED = 1_000  # newest finished scans whose stage times are looked at: 50 of them lie above a p95, and the cost is fixed
BEGINNING, END = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)

KEPT = text(f"""
SELECT day, status, model_version, scans, {", ".join(COUNTS)}, confidence_bins FROM figures_days
WHERE day >= :first AND day < :past ORDER BY day, status
""")  # noqa: S608 -- made of names from this program only
# Part of a day, at an end of a span that does not begin or end at midnight.
PART = text(f"""
SELECT CAST(:day AS date) AS day, status, coalesce(model_version, '') AS model_version, count(*) AS scans,
    {", ".join(f"sum({name})::bigint AS {name}" for name in COUNTS)}, ARRAY[{BINS}] AS confidence_bins
FROM scans WHERE deleted_at IS NULL AND created_at >= :since AND created_at < :until GROUP BY 2, 3
""")  # noqa: S608 -- likewise


@dataclass(frozen=True, slots=True)
class Figure:
    """Scans and images of one day (UTC), or of all of them. `cached`: answers that needed no model."""

    scans: int
    found: int
    unique: int
    medical: int
    uncertain: int
    disagreeing: int
    corrected: int
    cached: int
    by_modality: Mapping[Modality, int]


@dataclass(frozen=True, slots=True)
class Judged:
    """What one model version (None: scans that met no model) has judged in this time."""

    model_version: str | None
    first: date
    last: date
    figure: Figure


@dataclass(frozen=True, slots=True)
class Stats:
    """`confidence`: unique images by confidence, a tenth each. `stages_ms`: p50 and p95 over the newest TIMED finished scans."""

    total: Figure
    days: Mapping[date, Figure]
    by_status: Mapping[Status, int]
    versions: Sequence[Judged]
    confidence: tuple[int, ...]
    stages_ms: Mapping[str, tuple[float, float]]
    corrections: Corrections


STAGES = text("""
SELECT stage.key, percentile_cont(0.5) WITHIN GROUP (ORDER BY stage.value::float8),
    percentile_cont(0.95) WITHIN GROUP (ORDER BY stage.value::float8)
FROM (
    SELECT timings_ms FROM scans
    WHERE deleted_at IS NULL AND finished_at IS NOT NULL AND created_at >= :since AND created_at < :until
    ORDER BY created_at DESC, id DESC LIMIT :timed
) AS recent, jsonb_each_text(recent.timings_ms) AS stage
GROUP BY stage.key
""")


async def figures(database: Database, since: datetime | None = None, until: datetime | None = None) -> Stats:
    """Figures of the scans asked for in this time; `since` is included, `until` is not; corrections made in it."""
    begin, end = (min(max(moment, BEGINNING), END).astimezone(UTC) for moment in (since or BEGINNING, until or END))
    span = {"since": begin, "until": end}
    async with database.begin() as connection:
        await refresh(connection)
        rows = await _rows(connection, begin, end)
        stages = (await connection.execute(STAGES, {**span, "timed": TIMED})).all()
        corrections = await said(connection, begin, end)
    by_status: Counter[Status] = Counter()
    for row in rows:
        by_status[row["status"]] += row["scans"]
    return Stats(
        total=_figure(rows),
        days={day: _figure(list(of_day)) for day, of_day in groupby(rows, key=lambda row: row["day"])},
        by_status=by_status,
        versions=_versions(rows),
        confidence=tuple(sum(row["confidence_bins"][i] for row in rows) for i in range(CONFIDENCE_BINS)),
        stages_ms={stage: (p50, p95) for stage, p50, p95 in stages},
        corrections=corrections,
    )


async def _rows(connection: AsyncConnection, since: datetime, until: datetime) -> list[RowMapping]:
    """Figures by day, status and model version: whole days as kept, parts of days at the span's ends counted."""
    first, past = _midnight(since), _midnight(until)
    first += DAY if first < since else timedelta()
    found: list[RowMapping] = []
    for begin, end in _parts(since, until, first, past):
        part = await connection.execute(PART, {"day": begin.date(), "since": begin, "until": end})
        found += part.mappings().all()
    if first < past:
        found += (await connection.execute(KEPT, {"first": first.date(), "past": past.date()})).mappings().all()
    return sorted(found, key=lambda row: (row["day"], row["status"]))


def _parts(since: datetime, until: datetime, first: datetime, past: datetime) -> list[tuple[datetime, datetime]]:
    if first > past:  # both within one day
        return [(since, until)]
    return [(begin, end) for begin, end in ((since, first), (past, until)) if begin < end]


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time(), UTC)


def _versions(rows: Sequence[RowMapping]) -> list[Judged]:
    by_version: dict[str, list[RowMapping]] = {}
    for row in rows:
        by_version.setdefault(row["model_version"], []).append(row)
    judged = [Judged(name or None, some[0]["day"], some[-1]["day"], _figure(some)) for name, some in by_version.items()]
    return sorted(judged, key=lambda one: one.last, reverse=True)


def _figure(rows: Sequence[RowMapping]) -> Figure:
    def of(name: str) -> int:
        return sum(row[name] for row in rows)

    plain = {name: of(name) for name in ("scans", "found", "medical", "uncertain", "disagreeing", "corrected", "cached")}
    return Figure(**plain, unique=of("unique_images"), by_modality={name: of(name) for name in MODALITIES})

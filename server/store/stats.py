"""Statistics for the charts, from the counts of each day (daily.py): their cost does not grow with the number of scans.

Counts are over the unique images of each scan: an image that two scans found counts twice. Corrections are in correction_stats.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import text

from server.contract.modalities import MODALITIES, Modality
from server.contract.records import Status
from server.store.correction_stats import CorrectionStats, correction_stats
from server.store.daily import BINS, COUNTS, refresh
from server.store.database import Database
from server.store.tables import CONFIDENCE_BINS

TIMED = 1_000  # newest finished scans whose stage times are read: 50 of them lie above a p95, and the cost is fixed
BEGINNING, END = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)

_NAMES = ("scans", *COUNTS)
_SUMMED = ", ".join(f"sum({name})::bigint" for name in _NAMES)
_BINNED = ", ".join(f"sum(confidence_bins[{i + 1}])::bigint" for i in range(CONFIDENCE_BINS))
WHOLE_DAYS = f"""
SELECT day, status, model_version, scans, {", ".join(COUNTS)}, confidence_bins FROM figures_days WHERE day >= :first AND day < :past
"""  # noqa: S608 -- made of names from this program only
BY_DAY = f"SELECT day, {_SUMMED} FROM ({{0}}) AS span GROUP BY day ORDER BY day"  # noqa: S608 -- likewise
BY_KIND = f"SELECT status, model_version, min(day), max(day), {_SUMMED}, {_BINNED} FROM ({{0}}) AS span GROUP BY 1, 2 ORDER BY 4"  # noqa: S608 -- likewise
# The part of a day at either end of a span that does not begin or end at midnight.
PART_OF_DAY = f"""
SELECT (created_at AT TIME ZONE 'UTC')::date AS day, status, coalesce(model_version, '') AS model_version, count(*) AS scans,
    {", ".join(f"sum({name})::bigint AS {name}" for name in COUNTS)}, ARRAY[{BINS}] AS confidence_bins
FROM scans WHERE deleted_at IS NULL AND created_at >= :since_{{0}} AND created_at < :until_{{0}} GROUP BY 1, 2, 3
"""  # noqa: S608 -- likewise


@dataclass(frozen=True, slots=True)
class Figure:
    """Counts of scans and images of one day (UTC), or of a whole span. `cached`: verdicts that came from the cache."""

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
    """What one model version (None: scans in which nothing was judged) has judged in this time."""

    model_version: str | None
    first: date
    last: date
    figure: Figure


@dataclass(frozen=True, slots=True)
class Stats:
    """`confidence`: unique images in ten bins of confidence. `stages_ms`: p50 and p95 over the newest TIMED finished scans."""

    total: Figure
    days: Mapping[date, Figure]
    by_status: Mapping[Status, int]
    versions: Sequence[Judged]
    confidence: tuple[int, ...]
    stages_ms: Mapping[str, tuple[float, float]]
    corrections: CorrectionStats


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
    """Statistics of the scans created in this time and the corrections made in it; `since` is included, `until` is not."""
    begin, end = (min(max(moment, BEGINNING), END).astimezone(UTC) for moment in (since or BEGINNING, until or END))
    span, values = _span(begin, end)
    async with database.begin() as connection:
        await refresh(connection)
        days = (await connection.execute(text(BY_DAY.format(span)), values)).all()
        kinds = (await connection.execute(text(BY_KIND.format(span)), values)).all()
        stages = (await connection.execute(STAGES, {"since": begin, "until": end, "timed": TIMED})).all()
        corrections = await correction_stats(connection, begin, end)
    counts = [tuple(row)[4 : 4 + len(_NAMES)] for row in kinds]
    by_status: Counter[Status] = Counter()
    for row in kinds:
        by_status[row[0]] += row[4]
    return Stats(
        total=_figure(_sum(counts)),
        days={row[0]: _figure(row[1:]) for row in map(tuple, days)},
        by_status=by_status,
        versions=_versions([tuple(row) for row in kinds]),
        confidence=_sum([tuple(row)[-CONFIDENCE_BINS:] for row in kinds], CONFIDENCE_BINS),
        stages_ms={stage: (p50, p95) for stage, p50, p95 in stages},
        corrections=corrections,
    )


async def versions(database: Database) -> list[Judged]:
    """What each model version has judged so far, latest first."""
    span, values = _span(BEGINNING, END)
    async with database.begin() as connection:
        await refresh(connection)
        kinds = (await connection.execute(text(BY_KIND.format(span)), values)).all()
    return _versions([tuple(row) for row in kinds])


def _span(since: datetime, until: datetime) -> tuple[str, dict[str, object]]:
    """SQL for the rows of this span, and its values: whole days from figures_days, parts of days counted from scans."""
    first, past = _midnight(since), _midnight(until)
    first += DAY if first < since else timedelta()
    parts, values = [WHOLE_DAYS], dict[str, object](first=first.date(), past=past.date())
    for number, (begin, end) in enumerate(_parts(since, until, first, past)):
        parts.append(PART_OF_DAY.format(number))
        values |= {f"since_{number}": begin, f"until_{number}": end}
    return " UNION ALL ".join(parts), values


def _parts(since: datetime, until: datetime, first: datetime, past: datetime) -> list[tuple[datetime, datetime]]:
    if first > past:  # both within one day
        return [(since, until)]
    return [(begin, end) for begin, end in ((since, first), (past, until)) if begin < end]


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time(), UTC)


def _versions(kinds: Sequence[tuple[Any, ...]]) -> list[Judged]:
    """`kinds`: status, model version, first and last day, then the counts."""
    by_version: dict[str, list[tuple[Any, ...]]] = {}
    for row in kinds:
        by_version.setdefault(row[1], []).append(row)
    judged = [
        Judged(
            name or None,
            min(row[2] for row in rows),
            max(row[3] for row in rows),
            _figure(_sum([row[4 : 4 + len(_NAMES)] for row in rows])),
        )
        for name, rows in by_version.items()
    ]
    return sorted(judged, key=lambda one: one.last, reverse=True)


def _sum(rows: Sequence[Sequence[int]], width: int = len(_NAMES)) -> tuple[int, ...]:
    return tuple(map(sum, zip(*rows, strict=True))) or (0,) * width


def _figure(counts: Sequence[int]) -> Figure:
    """From numbers in the order of _NAMES."""
    scans, found, unique, medical, uncertain, disagreeing, corrected, cached, *modalities = counts
    by_modality = dict(zip(MODALITIES, modalities, strict=True))
    return Figure(scans, found, unique, medical, uncertain, disagreeing, corrected, cached, by_modality)

"""Figures for the charts, from the scans' own rows: no image is looked at, so a million of them cost nothing.

Counts are over unique images of each scan: an image met by two scans counts in both, as two people saw it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby

from sqlalchemy import RowMapping, text

from server.records import MODALITIES, Modality, Status
from server.store.database import Database
from server.store.tables import CONFIDENCE_BINS

TIMED = 2_000  # newest finished scans whose stage times are looked at: enough for a p95, and a fixed cost
BEGINNING, END = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)

_COUNTS = ("found", "unique_images", "medical", "uncertain", "disagreeing", "corrected", "cached", *MODALITIES)
_SUMS = ", ".join(f"sum({name})::bigint AS {name}" for name in _COUNTS)
_BINS = ", ".join(f"coalesce(sum(confidence_bins[{i + 1}]), 0)::bigint AS bin_{i}" for i in range(CONFIDENCE_BINS))

BY_DAY = text(f"""
SELECT (created_at AT TIME ZONE 'UTC')::date AS day, status, count(*) AS scans, {_SUMS}, {_BINS}
FROM scans
WHERE deleted_at IS NULL AND created_at >= :since AND created_at < :until
GROUP BY 1, 2 ORDER BY 1, 2
""")  # noqa: S608 -- made of names from this program only


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
class Corrections:
    """What people said of answers: `confirmed` were right. Corrections of corrections count once, the last."""

    images: int
    confirmed: int


@dataclass(frozen=True, slots=True)
class Stats:
    """`confidence`: unique images by confidence, a tenth each. `stages_ms`: p50 and p95 over the newest TIMED finished scans."""

    total: Figure
    days: Mapping[date, Figure]
    by_status: Mapping[Status, int]
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
CORRECTIONS = text("""
SELECT count(*), count(*) FILTER (WHERE said.modality = verdicts.modality)
FROM (
    SELECT DISTINCT ON (sha256) sha256, modality, model_version FROM feedback WHERE undone_at IS NULL ORDER BY sha256, id DESC
) AS said
JOIN verdicts ON verdicts.sha256 = said.sha256 AND verdicts.model_version = said.model_version
""")


async def figures(database: Database, since: datetime | None = None, until: datetime | None = None) -> Stats:
    """Figures of the scans asked for in this time; `since` is included, `until` is not. Corrections are those of all time."""
    span = {"since": since or BEGINNING, "until": until or END}
    async with database.begin() as connection:
        rows = (await connection.execute(BY_DAY, span)).mappings().all()
        stages = (await connection.execute(STAGES, {**span, "timed": TIMED})).all()
        images, confirmed = (await connection.execute(CORRECTIONS)).one()
    by_status: Counter[Status] = Counter()
    for row in rows:
        by_status[row["status"]] += row["scans"]
    return Stats(
        total=_figure(rows),
        days={day: _figure(list(of_day)) for day, of_day in groupby(rows, key=lambda row: row["day"])},
        by_status=by_status,
        confidence=tuple(sum(row[f"bin_{i}"] for row in rows) for i in range(CONFIDENCE_BINS)),
        stages_ms={stage: (p50, p95) for stage, p50, p95 in stages},
        corrections=Corrections(images, confirmed),
    )


def _figure(rows: Sequence[RowMapping]) -> Figure:
    def of(name: str) -> int:
        return sum(row[name] for row in rows)

    plain = {name: of(name) for name in ("scans", "found", "medical", "uncertain", "disagreeing", "corrected", "cached")}
    return Figure(**plain, unique=of("unique_images"), by_modality={name: of(name) for name in MODALITIES})

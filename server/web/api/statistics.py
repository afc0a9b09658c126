"""The statistics of any time as JSON: counts in all and by day, confidence, time of each stage, corrections."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from server.store import stats as kept
from server.store.stats import Figure
from server.web.api.answers import StatsShape
from server.web.api.history import in_zone
from server.web.api.shapes import Period
from server.web.http.keys import DATABASE
from server.web.http.operation import Answer, Operation, operation, query_of

COUNTS = tuple(Figure.__dataclass_fields__)


def counts_json(counts: Figure) -> dict[str, Any]:
    """Without dataclasses.asdict, which copies deeply: three years have a thousand days."""
    return {name: getattr(counts, name) for name in COUNTS}


@operation(
    Operation(
        summary="Statistics, as the charts show them",
        tag="history",
        access="caller",
        rate="read",
        query=Period,
        answers={200: Answer("counts in all and by day, confidence, times per stage, corrections", StatsShape)},
    )
)
async def statistics(request: web.Request) -> web.StreamResponse:
    query = query_of(request, Period)
    found = await kept.figures(request.app[DATABASE], in_zone(query.since), in_zone(query.until))
    return web.json_response(
        {
            "total": counts_json(found.total),
            "days": [{"day": day.isoformat(), **counts_json(counts)} for day, counts in sorted(found.days.items())],
            "by_status": dict(found.by_status),
            "confidence": list(found.confidence),
            "stages_ms": {stage: {"p50": round(p50, 1), "p95": round(p95, 1)} for stage, (p50, p95) in found.stages_ms.items()},
            "corrections": {
                "images": found.corrections.images,
                "confirmed": found.corrections.confirmed,
                "confusion": found.corrections.confusion(),
            },
        }
    )

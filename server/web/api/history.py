"""The history page by page, and the last Report for an address."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from server.contract.errors import NotAUrl, NotFound, SchemeNotAllowed
from server.contract.report import moment_json, report_json
from server.source.address import normalise
from server.store import history as kept
from server.store.filters import Filters as StoredFilters
from server.store.order import Order
from server.store.tables import CONFIDENCE_BINS
from server.web.api.answers import HistoryPage
from server.web.api.report_shapes import ReportShape
from server.web.api.shapes import Filters, HistoryQuery, LookupQuery
from server.web.http.keys import DATABASE
from server.web.http.operation import Answer, Operation, operation, query_of


def in_zone(moment: datetime | None) -> datetime | None:
    """A time without a zone is UTC."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def filters_of(query: Filters) -> StoredFilters:
    """The request's filters as the store's. Raises NotAUrl or SchemeNotAllowed for an address that is none."""
    given = query.model_dump(include=set(Filters.model_fields) - {"confidence_from", "confidence_to"})
    given["url"] = normalise(query.url) if query.url else None
    share = 100 // CONFIDENCE_BINS
    low, high = query.confidence_from // share, query.confidence_to // share
    given["confidence"] = None if (low, high) == (0, CONFIDENCE_BINS) else (low, high)
    return StoredFilters(**given | {"since": in_zone(query.since), "until": in_zone(query.until)})


def entry_json(entry: kept.Entry) -> dict[str, Any]:
    return {
        "id": str(entry.id),
        "source": {"target": entry.target, "kind": entry.kind, "title": entry.title},
        "url": entry.url,
        "status": entry.status,
        "error": {"code": entry.error_code, "message": entry.error_message or ""} if entry.error_code else None,
        "created_at": moment_json(entry.created_at),
        "started_at": moment_json(entry.started_at),
        "finished_at": moment_json(entry.finished_at),
        "counts": {
            "found": entry.found,
            "unique": entry.unique,
            "medical": entry.medical,
            "uncertain": entry.uncertain,
            "disagreeing": entry.disagreeing,
            "context_disagreeing": entry.context_disagreeing,
            "corrected": entry.corrected,
            "cached": entry.cached,
            "by_modality": dict(entry.by_modality),
        },
        "previews": list(entry.previews),
        "earlier": entry.earlier,
    }


@operation(
    Operation(
        summary="Scans, newest first or in another order",
        tag="history",
        access="caller",
        rate="read",
        query=HistoryQuery,
        answers={200: Answer("one page; `next` is the cursor of the one after", HistoryPage)},
        problems=(NotAUrl, SchemeNotAllowed),
    )
)
async def list_scans(request: web.Request) -> web.StreamResponse:
    query = query_of(request, HistoryQuery)
    order = Order(query.sort, query.reverse)
    page = await kept.page(request.app[DATABASE], filters_of(query), limit=query.limit, cursor=query.cursor, order=order)
    return web.json_response({"scans": [entry_json(entry) for entry in page.entries], "next": page.next})


@operation(
    Operation(
        summary="The last Report for this address",
        tag="history",
        access="caller",
        rate="read",
        query=LookupQuery,
        answers={200: Answer("the Report", ReportShape)},
        problems=(NotFound, NotAUrl, SchemeNotAllowed),
    )
)
async def lookup(request: web.Request) -> web.StreamResponse:
    url = normalise(query_of(request, LookupQuery).url)
    return web.json_response(report_json(await kept.last_report(request.app[DATABASE], url)))

"""The page of the history, and the page that starts scans."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlencode

from aiohttp import web
from pydantic import Field

from server.contract.errors import NotAUrl, SchemeNotAllowed
from server.kinds.kind import HEAD_BYTES
from server.store import history, saved_filters
from server.store.order import NEWEST_FIRST, Order
from server.web.api.history import filters_of, in_zone
from server.web.api.saved_filters import saved_query
from server.web.api.shapes import MAX_HEADS, HomeQuery
from server.web.http.keys import DATABASE, SETTINGS
from server.web.http.limits import MAX_FILES
from server.web.http.operation import HTML, Answer, Operation, Shape, operation, query_of
from server.web.http.page import page
from server.web.pages.views import queue_view, row_view

ROWS = 30
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
DAY_ONLY = re.compile(r"\d{4}-\d{2}-\d{2}")
RECENT = timedelta(days=1)  # older failures are in the history only
FAR = datetime(9999, 1, 1, tzinfo=UTC)  # a later date cannot be moved by a day
SHOWING = ("limit", "sort", "reverse", "every")  # what of the address does not filter
PAGE = Answer("a page", content_type=HTML)


@operation(
    Operation(
        summary="The dashboard: the history",
        tag="pages",
        access="page",
        query=HomeQuery,
        answers={200: PAGE},
        problems=(NotAUrl, SchemeNotAllowed),
    )
)
async def home(request: web.Request) -> web.StreamResponse:
    query = query_of(request, HomeQuery)
    query = query.model_copy(update={"until": in_zone(query.until), "fold": not (query.every or query.url)})
    if query.until and query.until < FAR and DAY_ONLY.fullmatch(request.query["to"]):  # the last day is included
        query = query.model_copy(update={"until": query.until + timedelta(days=1)})
    order = Order(query.sort, query.reverse)
    found = await history.page(request.app[DATABASE], filters_of(query), limit=ROWS, cursor=query.cursor, order=order)
    kept = {name: value for name, value in request.query.items() if value and name != "cursor"}
    narrowed = {name: value for name, value in kept.items() if name not in SHOWING}
    exact = narrowed | ({"to": query.until.isoformat()} if query.until else {}) | ({"fold": "true"} if query.fold else {})
    ordered = {name: kept[name] for name in ("sort", "reverse") if name in kept}
    return page(
        request,
        "home.html",
        query=query,
        days=[day if DAY_ONLY.fullmatch(day := kept.get(name, "")) else "" for name in ("from", "to")],
        scans=[row_view(entry) for entry in found.entries],
        older=f"/?{urlencode({**kept, 'cursor': found.next})}" if found.next else None,
        newest=f"/?{urlencode(kept)}" if query.cursor else None,
        narrowed=len(narrowed.keys() - {"url"}),
        everything=f"/?{urlencode({'url': query.url})}" if query.url else "/",
        by_date=order == NEWEST_FIRST,
        saved=await saved_filters.every(request.app[DATABASE]),
        here=saved_query(request.query_string),
        live=f"/api/scans/live?{urlencode(exact | ordered | ({'cursor': query.cursor} if query.cursor else {}) | {'limit': ROWS})}",
        export=urlencode(exact),
        days_kept=request.app[SETTINGS].retention_days,
    )


class RowsQuery(Shape):
    ids: str = Field(pattern=rf"^{UUID}(,{UUID})*$", max_length=history.MOST * 37, description="scans, comma separated")
    of: Literal["history", "queue"] = Field("history", description="the page that shows them")


@operation(
    Operation(
        summary="Rows of these scans as the history or the queue shows them, newest first",
        tag="pages",
        access="page",
        query=RowsQuery,
        answers={200: PAGE},
    )
)
async def rows(request: web.Request) -> web.StreamResponse:
    query = query_of(request, RowsQuery)
    found = await history.among(request.app[DATABASE], {uuid.UUID(one) for one in query.ids.split(",")})
    view = queue_view if query.of == "queue" else row_view
    return page(request, "rows.html", scans=[view(entry) for entry in found], in_queue=query.of == "queue")


@operation(Operation(summary="The page that starts scans", tag="pages", access="page", answers={200: PAGE}))
async def new(request: web.Request) -> web.StreamResponse:
    queue = [queue_view(entry) for entry in await history.queue(request.app[DATABASE], datetime.now(UTC) - RECENT)]
    limits = {"max_files": MAX_FILES, "max_bytes": request.app[SETTINGS].max_download_bytes}
    return page(request, "new.html", queue=queue, head_bytes=HEAD_BYTES, max_heads=MAX_HEADS, **limits)

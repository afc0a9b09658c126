"""The list of corrections, newest first."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from server.store import corrections, thumbnails
from server.web.http.keys import DATABASE
from server.web.http.operation import HTML, Answer, Operation, Shape, operation, query_of
from server.web.http.page import page

ROWS = 40


class CorrectionsQuery(Shape):
    before: int | None = Field(None, ge=1, description="where the page before ended")


@operation(
    Operation(
        summary="What people corrected, newest first",
        tag="pages",
        access="page",
        query=CorrectionsQuery,
        answers={200: Answer("a page", content_type=HTML)},
    )
)
async def corrections_page(request: web.Request) -> web.StreamResponse:
    query = query_of(request, CorrectionsQuery)
    rows = await corrections.corrections(request.app[DATABASE], limit=ROWS + 1, before=query.before)
    shown = rows[:ROWS]
    thumbnailed = await thumbnails.kept(request.app[DATABASE], [one.sha256 for one in shown])
    older = f"/corrections?before={shown[-1].id}" if len(rows) > ROWS else None
    return page(request, "corrections.html", rows=shown, thumbnailed=thumbnailed, older=older, first=query.before is None)

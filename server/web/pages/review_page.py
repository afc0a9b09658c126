"""The page of the review queue: uncertain images, one at a time, each labelled by one key."""

from __future__ import annotations

from aiohttp import web

from server.store import review
from server.web.api.review import waiting_json
from server.web.http.keys import DATABASE
from server.web.http.operation import HTML, Answer, Operation, operation
from server.web.http.page import page


@operation(
    Operation(
        summary="Images to label, one at a time",
        tag="pages",
        access="page",
        answers={200: Answer("a page", content_type=HTML)},
    )
)
async def review_page(request: web.Request) -> web.StreamResponse:
    return page(request, "review.html", **await waiting_json(request.app[DATABASE]), counted=review.COUNTED)

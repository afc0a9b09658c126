"""The page of the review queue: uncertain images, one at a time, each labelled by one key."""

from __future__ import annotations

from aiohttp import web

from server.store import review
from server.web.api.review import progress, question_json
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
    questions = await review.next_questions(request.app[DATABASE])
    waiting, today = await progress(request)
    return page(
        request,
        "review.html",
        questions=[question_json(one) for one in questions],
        waiting=waiting,
        today=today,
        counted=review.COUNTED,
    )

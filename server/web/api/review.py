"""The review queue as JSON: the next images to label, and skipping one. A label is sent like any correction."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, time
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field

from server.contract.modalities import Modality
from server.contract.verdict import likeliest
from server.contract.words import MEMBER_NAMES, headline, why
from server.store import review
from server.store.database import Database
from server.store.review import Question
from server.web.http.ids import sha256_of
from server.web.http.keys import DATABASE
from server.web.http.operation import Answer, Operation, Shape, operation, query_of
from server.web.texts.catalogue import current

AT_HAND = 48  # images that a browser may name as the ones it has: four batches
DIGEST = r"[0-9a-f]{64}"


class ReviewQuery(Shape):
    limit: int = Field(review.BATCH, ge=1, le=2 * review.BATCH)
    without: str = Field(
        "",
        pattern=rf"^({DIGEST}(,{DIGEST})*)?$",
        max_length=65 * AT_HAND,
        description="images that the browser has already, comma separated",
    )


class QuestionShape(BaseModel):
    sha256: str
    headline: str = Field(description="the verdict in words")
    why: str = Field(description="why it is not sure, or how the models disagree")
    leans: list[Modality] = Field(description="the modality, and the second candidate if one is open")
    confidence: float
    members: dict[str, Modality] = Field(description="the likeliest modality of each model, by its name")
    width: int
    height: int
    scan: str | None
    name: str = Field(description="title or address of a scan that found it")


class Waiting(BaseModel):
    questions: list[QuestionShape]
    waiting: int = Field(description=f"counted up to {review.COUNTED}")
    today: int = Field(description="labelled since midnight UTC, counted likewise")


class Skipped(BaseModel):
    sha256: str
    skipped: bool


def question_json(question: Question) -> dict[str, Any]:
    verdict, image = question.judged.verdict, question.judged.image
    return {
        "sha256": image.sha256,
        "headline": headline(verdict, current().words),
        "why": why(verdict, question.judged.panels, texts=current().words),
        "leans": [verdict.modality, *([verdict.open] if verdict.open else [])],
        "confidence": round(verdict.confidence, 3),
        "members": {MEMBER_NAMES.get(name, name): likeliest(shares) for name, shares in verdict.members.items()},
        "width": image.width,
        "height": image.height,
        "scan": str(question.scan_id) if question.scan_id else None,
        "name": question.name,
    }


async def waiting_json(database: Database, limit: int = review.BATCH, without: Collection[str] = ()) -> dict[str, Any]:
    """The next questions, without those of the images `without`, and the progress, as `Waiting`."""
    questions = await review.next_questions(database, limit=limit, without=without)
    waiting, today = await review.progress(database, datetime.combine(datetime.now(UTC).date(), time(), UTC))
    return {"questions": [question_json(one) for one in questions], "waiting": waiting, "today": today}


@operation(
    Operation(
        summary="The most useful images to label next",
        tag="images",
        access="caller",
        rate="read",
        query=ReviewQuery,
        answers={200: Answer("images, the most useful first, no near duplicates", Waiting)},
    )
)
async def next_questions(request: web.Request) -> web.StreamResponse:
    query = query_of(request, ReviewQuery)
    without = [sha256 for sha256 in query.without.split(",") if sha256]
    return web.json_response(await waiting_json(request.app[DATABASE], query.limit, without))


@operation(
    Operation(
        summary="Skip an image",
        tag="images",
        access="caller",
        rate="read",
        answers={200: Answer("skipped", Skipped)},
    )
)
async def skip(request: web.Request) -> web.StreamResponse:
    await review.skip(request.app[DATABASE], sha256_of(request))
    return web.json_response({"sha256": sha256_of(request), "skipped": True})


@operation(
    Operation(
        summary="Undo the skipping of an image",
        tag="images",
        access="caller",
        rate="read",
        answers={200: Answer("waiting again", Skipped)},
    )
)
async def unskip(request: web.Request) -> web.StreamResponse:
    await review.skip(request.app[DATABASE], sha256_of(request), skipped=False)
    return web.json_response({"sha256": sha256_of(request), "skipped": False})

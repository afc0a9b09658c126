"""Turns every error into a response: problem JSON (RFC 9457), or a page for a browser.

An error of server/contract/errors.py has its code, status and message. Any other is logged with its traceback and answered as
`internal`, without details.
"""

from __future__ import annotations

import json
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, Field, ValidationError

from server.contract.errors import MedlensError, RequestError, Unauthorized
from server.web.http.page import render
from server.web.texts.catalogue import ENGLISH

PROBLEM_JSON = "application/problem+json"
# The codes of aiohttp's own errors, by status.
HTTP_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
}
HTTP_DETAILS = {
    404: "there is nothing at this address",
    405: "this address does not take this method",
    413: "the request's body is larger than this address takes",
}
INTERNAL_DETAIL = "something went wrong inside medlens; its log has the details"
TITLES = {int(status): title for status, title in ENGLISH.names["problem"].items()}

log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """A problem by RFC 9457. `code` is stable; `detail` is for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    fields: list[dict[str, str]] | None = Field(None, description="which fields of the body or query are wrong: at, message")
    retry_after: int | None = Field(None, description="seconds, with 429 and not_made_yet")


class InvalidFields(RequestError):
    """The body or the query does not fit its model. `fields`: [{"at", "message"}]."""

    def __init__(self, message: str, fields: list[dict[str, str]]) -> None:
        super().__init__(message)
        self.fields = fields


def invalid(error: ValidationError, where: str) -> InvalidFields:
    """A pydantic error in one line; the rejected value is not repeated."""
    fields = [
        {"at": ".".join(str(step) for step in found["loc"]) or where, "message": found["msg"]}
        for found in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    first = fields[0]
    return InvalidFields(f"{where}: {first['at']}: {first['message']}", fields)


def problem_of(error: BaseException) -> dict[str, Any]:
    """The problem as a dict: type, title, status, code, detail, and `fields` or `retry_after` if the error has them."""
    if isinstance(error, MedlensError):
        status, code, detail = error.status, error.code, str(error) or TITLES.get(error.status, "")
    elif isinstance(error, web.HTTPException):
        status = error.status
        code = HTTP_CODES.get(status, f"http_{status}")
        detail = HTTP_DETAILS.get(status, error.reason)
    else:
        status, code, detail = 500, "internal", INTERNAL_DETAIL
    problem: dict[str, Any] = {
        "type": f"/api/docs#{code}",
        "title": TITLES.get(status, "Problem"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if isinstance(error, InvalidFields):
        problem["fields"] = error.fields
    if isinstance(error, MedlensError) and error.retry_after is not None:
        problem["retry_after"] = error.retry_after
    return problem


def wants_page(request: web.Request) -> bool:
    """Whether a browser asks for the address of a page."""
    return not request.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")


def answer(request: web.Request, error: BaseException) -> web.Response:
    problem = problem_of(error)
    headers = {"Cache-Control": "no-store"}
    if "retry_after" in problem:
        headers["Retry-After"] = str(problem["retry_after"])
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = 'Bearer realm="medlens"'
    if isinstance(error, web.HTTPMethodNotAllowed):
        headers["Allow"] = error.headers["Allow"]
    if wants_page(request):
        page = render(request, "error.html", problem=problem)
        return web.Response(text=page, content_type="text/html", status=problem["status"], headers=headers)
    return web.Response(text=json.dumps(problem), content_type=PROBLEM_JSON, status=problem["status"], headers=headers)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Outermost but for `measure`: every error becomes a response. Redirects raised as exceptions pass."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return answer(request, error)
    except MedlensError as error:
        if error.status >= 500:
            log.warning("request failed", code=error.code, detail=str(error))
        return answer(request, error)
    except ConnectionResetError:
        raise  # the client went away; nobody is left to answer
    except Exception as error:
        log.exception("request failed", path=request.path)
        return answer(request, error)

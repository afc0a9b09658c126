"""Lets the browser extension in with a token of its own: it shows the token's fingerprint, a signed-in person says yes to it.

The token itself never comes here until the extension uses it, so neither a page, a log nor a history holds it. The person compares
the fingerprint's beginning with what the extension shows: a link that someone else made shows another one.
"""

from __future__ import annotations

import re
from datetime import timedelta

from aiohttp import web
from pydantic import Field

from server.store import access
from server.web.http.keys import DATABASE
from server.web.http.operation import FORM, HTML, Answer, Operation, Shape, form_of, operation
from server.web.http.page import page

# A year: an extension has nobody to sign it in again every month. `medlens token --rotate` ends it at once.
EXTENSION_LIFE = timedelta(days=365)
LABEL = "browser extension"
FINGERPRINT = re.compile(r"[0-9a-f]{64}")
FORM_SHAPE = {"type": "object", "properties": {"key": {"type": "string", "description": "the fingerprint, once more"}}}


class PairQuery(Shape):
    key: str | None = Field(None, max_length=200, description="SHA-256 of the token that the extension made, hex")


def code_of(fingerprint: str) -> str:
    """Six digits of it, as the extension shows them too."""
    return f"{fingerprint[:3]}-{fingerprint[3:6]}".upper()


def _answer(request: web.Request, key: str, *, done: bool = False) -> web.Response:
    good = bool(FINGERPRINT.fullmatch(key))
    return page(
        request, "pair.html", status=200 if good else 400, key=key if good else "", code=code_of(key) if good else "", done=done
    )


@operation(
    Operation(
        summary="The page to let the extension in; changes nothing",
        tag="pages",
        access="page",
        query=PairQuery,
        answers={200: Answer("a page", content_type=HTML)},
    )
)
async def pair_page(request: web.Request) -> web.StreamResponse:
    return _answer(request, request.query.get("key", ""))


@operation(
    Operation(
        summary="Let the extension in whose token has this fingerprint",
        tag="pages",
        access="page",
        rate="login",
        other_bodies={FORM: FORM_SHAPE},
        answers={200: Answer("a page that says so", content_type=HTML)},
    )
)
async def pair(request: web.Request) -> web.StreamResponse:
    key = (await form_of(request)).get("key", "")
    if FINGERPRINT.fullmatch(key) and not await access.is_open(request.app[DATABASE], key):
        await access.open_session(request.app[DATABASE], key, EXTENSION_LIFE, LABEL)
    return _answer(request, key, done=True)

"""Connects the browser extension: it shows the fingerprint of a token that it has made, and a signed-in person confirms it.

The token itself is not sent before the extension uses it, so no page, log or browser history has it. The person compares the first
digits of the fingerprint with what the extension shows; a link from somebody else shows different ones.
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

# A year, since nobody signs an extension in again every month. `medlens token --rotate` ends it at once.
EXTENSION_LIFE = timedelta(days=365)
LABEL = "browser extension"
FINGERPRINT = re.compile(r"[0-9a-f]{64}")
FORM_SHAPE = {"type": "object", "properties": {"key": {"type": "string", "description": "the fingerprint"}}}


class PairQuery(Shape):
    key: str | None = Field(None, max_length=200, description="SHA-256 of the token that the extension made, hex")


def code_of(fingerprint: str) -> str:
    """The first six hex digits, as the extension shows them."""
    return f"{fingerprint[:3]}-{fingerprint[3:6]}".upper()


def _answer(request: web.Request, key: str, *, done: bool = False) -> web.Response:
    good = bool(FINGERPRINT.fullmatch(key))
    return page(
        request, "pair.html", status=200 if good else 400, key=key if good else "", code=code_of(key) if good else "", done=done
    )


@operation(
    Operation(
        summary="The page that connects the extension; changes nothing",
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
        summary="Connect the extension whose token has this fingerprint",
        tag="pages",
        access="page",
        rate="login",
        other_bodies={FORM: FORM_SHAPE},
        answers={200: Answer("a page that confirms it", content_type=HTML)},
    )
)
async def pair(request: web.Request) -> web.StreamResponse:
    key = (await form_of(request)).get("key", "")
    if FINGERPRINT.fullmatch(key) and not await access.is_open(request.app[DATABASE], key):
        await access.open_session(request.app[DATABASE], key, EXTENSION_LIFE, LABEL)
    return _answer(request, key, done=True)

"""Who is calling, as a record. http/auth.py sets it on the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Caller:
    """`name` distinguishes callers of one kind, and is not secret."""

    kind: Literal["nobody", "token", "session"]
    name: str = ""


NOBODY = Caller("nobody")
CALLER: web.RequestKey[Caller] = web.RequestKey("CALLER")


def caller_of(request: web.Request) -> Caller:
    return request[CALLER] if CALLER in request else NOBODY  # noqa: SIM401 -- .get is untyped here


def peer_of(request: web.Request) -> str:
    """The address of the client, or of the proxy in front of it."""
    return request.remote or "unknown"

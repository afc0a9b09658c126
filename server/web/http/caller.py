"""Who is calling, as a record. Found out by auth.py; read by whoever needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Caller:
    """`name` tells callers of a kind apart without holding their secret."""

    kind: Literal["nobody", "token", "session"]
    name: str = ""


NOBODY = Caller("nobody")
CALLER: web.RequestKey[Caller] = web.RequestKey("CALLER")


def caller_of(request: web.Request) -> Caller:
    return request[CALLER] if CALLER in request else NOBODY  # noqa: SIM401 -- .get is untyped here


def peer_of(request: web.Request) -> str:
    """The address at the other end of the connection; a proxy's own when there is one."""
    return request.remote or "unknown"

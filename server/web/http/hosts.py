"""Checks the Host of every request and the Origin of every unsafe one against exact lists, and sets the security headers.

A page of another site can make a browser send requests here (CSRF), or give this machine its own name (DNS rebinding). Host must be
a name in MEDLENS_HOSTS; an entry without a port allows the port that the service listens on, and no port. Origin must be the
service's own; an extension's is allowed only with a bearer token, which no page has. No CORS header is ever sent.
"""

from __future__ import annotations

import re

from aiohttp import web
from aiohttp.typedefs import Handler

from server.contract.errors import Forbidden
from server.web.http.caller import caller_of
from server.web.http.keys import SETTINGS

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
EXTENSION = re.compile(r"(chrome-extension://[a-p]{32}|moz-extension://[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})")
PORT = re.compile(r"^(?P<name>\[[^\]]*\]|[^:]*)(?::(?P<port>\d{1,5}))?$")

HEADERS = {
    # No inline script or style, nothing from other hosts, no string is parsed as markup or code.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer, with which the forms of these pages would post with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def host_allowed(host: str, allowed: tuple[str, ...], listening: int | None) -> bool:
    """`host`: the header as sent. `listening`: the port the connection came in on."""
    found = PORT.match(host.lower())
    if not found:
        return False
    name, port = found["name"], found["port"]
    for entry in allowed:
        wanted = PORT.match(entry.lower())
        if wanted is None or wanted["name"] != name:
            continue
        if (wanted["port"] is None and port in {None, str(listening)}) or (wanted["port"] is not None and wanted["port"] == port):
            return True
    return False


def _listening(request: web.Request) -> int | None:
    address = request.transport.get_extra_info("sockname") if request.transport else None
    return address[1] if isinstance(address, tuple) else None


@web.middleware
async def hosts(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse an unknown Host before anything else."""
    sent = request.headers.getall("Host", [])
    if len(sent) != 1 or not host_allowed(sent[0], request.app[SETTINGS].hosts, _listening(request)):
        raise Forbidden("this Host is not served here; MEDLENS_HOSTS names those that are")
    return await handler(request)


@web.middleware
async def origins(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse an unsafe method whose Origin is another site's, or missing when the caller has only a cookie."""
    if request.method in SAFE_METHODS:
        return await handler(request)
    bearer = caller_of(request).kind == "token"
    sent = request.headers.getall("Origin", [])
    own = f"{request.scheme}://{request.headers['Host']}"
    if not sent and bearer:
        return await handler(request)
    if len(sent) == 1 and (sent[0] == own or (bearer and EXTENSION.fullmatch(sent[0]))):
        return await handler(request)
    raise Forbidden("this Origin may not change anything here")


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    """For on_response_prepare: runs for every response, streams and problems included."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.path.startswith("/api/") or response.content_type == "text/html":
        response.headers.setdefault("Cache-Control", "no-store")
    response.headers.pop("Server", None)

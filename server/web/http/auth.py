"""Who is calling: the bearer of the token, a signed-in session, or nobody; and whether that is enough for the route.

Nothing outside loopback is served without a token, but for the page to sign in with and its style. It does not know how one signs
in (login.py) nor where sessions are kept (server/store/access.py).
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler

from server.contract.errors import Forbidden, Unauthorized
from server.store import access
from server.web.http.caller import CALLER, NOBODY, Caller, peer_of
from server.web.http.keys import DATABASE, LIMITER, TOKEN
from server.web.http.operation import operation_of
from server.web.http.problems import wants_page
from server.web.http.secret import fingerprint

COOKIE = "medlens_session"
# A proxy on this machine would make every stranger look like loopback; these give it away.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


def from_loopback(request: web.Request) -> bool:
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(peer_of(request)).is_loopback
    except ValueError:
        return False


async def _recognise(request: web.Request) -> Caller:
    """Raises Unauthorized for a token that is not ours: better than to serve it as nobody."""
    if offered := request.headers.get("Authorization"):
        scheme, _, token = offered.partition(" ")
        if scheme.lower() == "bearer":
            if request.app[TOKEN].matches(token.strip()):
                return Caller("token", "api")
            hashed = fingerprint(token.strip())
            if await access.is_open(request.app[DATABASE], hashed):  # a token of its own, let in by pairing.py
                return Caller("token", hashed[:16])
        request.app[LIMITER].take("login", peer_of(request))
        raise Unauthorized("this token is not the one of this service; `medlens token` shows it")
    if key := request.cookies.get(COOKIE):
        hashed = fingerprint(key)
        if await access.is_open(request.app[DATABASE], hashed):
            return Caller("session", hashed[:16])
    return NOBODY


def session_of(request: web.Request) -> str:
    """The hash of the caller's session. Raises Forbidden for a caller without one, such as the bearer of a token."""
    if request[CALLER].kind != "session" or (key := request.cookies.get(COOKIE)) is None:
        raise Forbidden("sign in to the dashboard to do this; a token may not")
    return fingerprint(key)


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Set the caller, then hold the route's access. An address that is no route is a 404 for whoever may ask here at all."""
    operation = operation_of(request)
    static = operation is None and request.path.startswith("/static/")
    needed = operation.access if operation else "anyone" if static else "loopback"
    caller = NOBODY if static else await _recognise(request)
    request[CALLER] = caller
    if caller.kind == "nobody" and needed != "anyone" and not (needed == "loopback" and from_loopback(request)):
        if needed == "page" and wants_page(request) and request.method == "GET":
            raise web.HTTPSeeOther(f"/login?next={quote(request.path_qs)}")
        raise Unauthorized("send `Authorization: Bearer TOKEN`, or sign in with the link that `medlens token` prints")
    return await handler(request)

"""Tells who is calling (the bearer of the token, a signed-in session, or nobody) and whether that is enough for the route.

Without a token or a session only loopback is served, except for the sign-in page and its styles. Signing in is in pages/login.py,
sessions are in server/store/access.py.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from server.contract.errors import Forbidden, Unauthorized
from server.store import access
from server.web.http.caller import CALLER, NOBODY, Caller, peer_of
from server.web.http.keys import DATABASE, LIMITER, TOKEN
from server.web.http.operation import operation_of
from server.web.http.problems import wants_page
from server.web.http.token import fingerprint

COOKIE = "medlens_session"
# Through a proxy on this machine every client would look like loopback; these headers show that there is one.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


def from_loopback(request: web.Request) -> bool:
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(peer_of(request)).is_loopback
    except ValueError:
        return False


async def _recognise(request: web.Request) -> Caller:
    """The caller. Raises Unauthorized for a wrong token, which is clearer than serving the request without one."""
    if offered := request.headers.get("Authorization"):
        scheme, _, token = offered.partition(" ")
        if scheme.lower() == "bearer":
            if request.app[TOKEN].matches(token.strip()):
                return Caller("token", "api")
            hashed = fingerprint(token.strip())
            if await access.is_open(request.app[DATABASE], hashed):  # an extension's own token, paired in pages/pairing.py
                return Caller("token", hashed[:16])
        request.app[LIMITER].take("login", peer_of(request))
        raise Unauthorized("this token is not the one of this service; `medlens token` shows it")
    if key := request.cookies.get(COOKIE):
        hashed = fingerprint(key)
        if await access.is_open(request.app[DATABASE], hashed):
            return Caller("session", hashed[:16])
    return NOBODY


def page_of_form(request: web.Request) -> str:
    """The path of the page whose form this request sends; the start page if the browser does not say."""
    sent_from = urlsplit(request.headers.get("Referer", ""))
    return sent_from.path if sent_from.netloc == request.host and sent_from.path else "/"


def session_of(request: web.Request) -> str:
    """The hash of the caller's session. Raises Forbidden for a caller without one, such as the bearer of a token."""
    if request[CALLER].kind != "session" or (key := request.cookies.get(COOKIE)) is None:
        raise Forbidden("sign in to the dashboard to do this; a token may not")
    return fingerprint(key)


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Set the caller, then check the route's access. An address without a route needs the access `loopback`, and is then a 404."""
    operation = operation_of(request)
    static = operation is None and request.path.startswith("/static/")
    needed = operation.access if operation else "anyone" if static else "loopback"
    caller = NOBODY if static else await _recognise(request)
    request[CALLER] = caller
    if caller.kind == "nobody" and needed != "anyone" and not (needed == "loopback" and from_loopback(request)):
        if needed == "page" and wants_page(request):
            raise web.HTTPSeeOther(f"/login?next={quote(request.path_qs if request.method == 'GET' else page_of_form(request))}")
        raise Unauthorized("send `Authorization: Bearer TOKEN`, or sign in with the link that `medlens token --link` prints")
    return await handler(request)

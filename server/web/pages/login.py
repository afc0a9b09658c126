"""Signing in to the dashboard: a one-time code from the terminal, or the API token, opens a session in this browser.

GET /login changes nothing, since mail and chat programs open links before people do: only the POST that confirms uses the code.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import Field

from server.contract.errors import Unauthorized
from server.settings import Settings
from server.store import access
from server.store.database import Database
from server.web.http.auth import COOKIE
from server.web.http.caller import caller_of, peer_of
from server.web.http.keys import DATABASE, TOKEN
from server.web.http.operation import FORM, HTML, Answer, Operation, Shape, form_of, operation
from server.web.http.page import page
from server.web.http.token import fingerprint, new_secret
from server.web.texts.catalogue import texts

# Long enough to start the service and come back to it; short enough that an old link in a log is useless.
CODE_LIFE = timedelta(minutes=30)
# People sign in once a month.
SESSION_LIFE = timedelta(days=30)
LABEL_LENGTH = 120
FORM_SHAPE = {"type": "object", "properties": {name: {"type": "string"} for name in ("code", "token", "next")}}


class LoginQuery(Shape):
    code: str | None = Field(None, max_length=200, description="one-time code; `medlens token` prints a link with one")
    next: str | None = Field(None, max_length=2000, description="path to open afterwards")


async def login_link(database: Database, settings: Settings, port: int | None = None) -> str:
    """A new one-time link to the dashboard, for `serve` to print. `port`: the actual port, if PORT is 0."""
    code = new_secret()
    await access.add_login_code(database, fingerprint(code), CODE_LIFE)
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::", ""} else settings.host  # noqa: S104 - a comparison, nothing is bound
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port or settings.port}/login?code={code}"


def inside(path: str | None) -> str:
    """`path` if it is a path of this service, else the start page: a link must not lead a signed-in person to another site."""
    if not path or not path.startswith("/") or path.startswith("//") or "\\" in path or any(sign < " " for sign in path):
        return "/"
    parts = urlsplit(path)
    return path if not parts.scheme and not parts.netloc and not parts.path.startswith(("/login", "/logout")) else "/"


@operation(
    Operation(
        summary="The page to sign in with; changes nothing",
        tag="pages",
        access="anyone",
        query=LoginQuery,
        answers={200: Answer("a page", content_type=HTML)},
    )
)
async def login_page(request: web.Request) -> web.StreamResponse:
    wanted = inside(request.query.get("next"))
    code = request.query.get("code", "")
    if caller_of(request).kind == "session" and not code:
        raise web.HTTPSeeOther(wanted)
    # After a link from another site, SameSite=Strict withholds the cookie; one more click, from here, sends it.
    from_elsewhere = request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"} and "next" in request.query
    return page(request, "login.html", code=code, next=wanted, refusal="", back=wanted if from_elsewhere else "")


@operation(
    Operation(
        summary="Sign in with a one-time code or the token",
        tag="pages",
        access="anyone",
        rate="login",
        other_bodies={FORM: FORM_SHAPE},
        answers={
            303: Answer("signed in; sets the session cookie", content_type=None),
            401: Answer("refused, with a page", content_type=HTML),
        },
        problems=(Unauthorized,),
    )
)
async def login(request: web.Request) -> web.StreamResponse:
    form = await form_of(request)
    code, token, wanted = (form.get(name, "") for name in ("code", "token", "next"))
    if code:
        accepted = await access.use_login_code(request.app[DATABASE], fingerprint(code))
    else:
        accepted = request.app[TOKEN].matches(token)
    if not accepted:
        refusal = texts().login_bad if code else texts().login_wrong
        return page(request, "login.html", status=401, code="", next=inside(wanted), refusal=refusal, back="")
    key = new_secret()
    label = request.headers.get("User-Agent", peer_of(request))[:LABEL_LENGTH]
    await access.open_session(request.app[DATABASE], fingerprint(key), SESSION_LIFE, label)
    answer = web.HTTPSeeOther(inside(wanted))
    answer.set_cookie(
        COOKIE,
        key,
        max_age=int(SESSION_LIFE.total_seconds()),
        path="/",
        httponly=True,
        samesite="Strict",
        secure=request.secure,
    )
    raise answer


@operation(
    Operation(
        summary="Sign out of this browser", tag="pages", access="page", answers={303: Answer("signed out", content_type=None)}
    )
)
async def logout(request: web.Request) -> web.StreamResponse:
    if key := request.cookies.get(COOKIE):
        await access.close_session(request.app[DATABASE], fingerprint(key))
    answer = web.HTTPSeeOther("/login")
    answer.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict", secure=request.secure)
    raise answer

"""Settings and health: every setting with its origin, the model in use, sessions, storage; and the forms for token and sessions.

Only a signed-in person may change the token or end a session: a paired extension must not be able to lock others out.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from aiohttp import web

from server.contract.errors import Forbidden, RequestError, SettingsError
from server.settings import every_setting
from server.store import access, stats, storage
from server.web.api.health import parts
from server.web.api.weights import judging
from server.web.http.auth import COOKIE, session_of
from server.web.http.ids import SHA256_TEXT
from server.web.http.keys import DATABASE, SETTINGS, TOKEN
from server.web.http.language import chosen
from server.web.http.operation import FORM, HTML, Answer, Operation, form_of, operation
from server.web.http.page import page
from server.web.http.token import fingerprint
from server.web.pages.pairing import LABEL
from server.web.texts.catalogue import CATALOGUES, current

TABLES = 8  # listed one by one; the others are summed up
DONE = "/settings?done="


def folder_size(folder: Path) -> int:
    """Bytes of all files under `folder`. Files that disappear meanwhile, or cannot be read, are not counted."""
    total, left = 0, [str(folder)]
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return total


@operation(Operation(summary="Settings and health", tag="pages", access="page", answers={200: Answer("a page", content_type=HTML)}))
async def settings_page(request: web.Request) -> web.StreamResponse:
    database, settings = request.app[DATABASE], request.app[SETTINGS]
    health, model, size = await asyncio.gather(
        parts(request), asyncio.to_thread(judging, settings), asyncio.to_thread(folder_size, settings.data_dir)
    )
    key = request.cookies.get(COOKIE)
    here = fingerprint(key) if key else ""
    sessions = await access.open_sessions(database)
    tables = await storage.sizes(database)
    return page(
        request,
        "settings.html",
        parts=[(current().names["part"].get(name, name), part) for name, part in health.items()],
        judging=model,
        versions=[one for one in await stats.versions(database) if one.model_version],
        extensions=[one for one in sessions if one.label == LABEL],
        browsers=[one for one in sessions if one.label != LABEL],
        here=here,
        token_given=settings.token is not None,
        done=request.query.get("done", ""),
        folder=(str(settings.data_dir), size),
        tables=tables[:TABLES],
        smaller=(len(tables[TABLES:]), sum(table.size for table in tables[TABLES:])),
        settings=every_setting(settings),
        languages={name: words.name for name, words in CATALOGUES.items()},
        chosen=chosen(request),
    )


@operation(
    Operation(
        summary="Make a new API token",
        tag="pages",
        access="page",
        rate="login",
        other_bodies={FORM: {"type": "object", "properties": {"sure": {"type": "string", "description": "yes"}}}},
        answers={303: Answer("changed; all other sessions are ended", content_type=None)},
        problems=(Forbidden, SettingsError),
    )
)
async def rotate_token(request: web.Request) -> web.StreamResponse:
    here = session_of(request)
    if (await form_of(request)).get("sure") != "yes":
        raise RequestError("tick the box first: extensions must pair again")
    request.app[TOKEN].rotate()
    await access.close_others(request.app[DATABASE], here)
    raise web.HTTPSeeOther(f"{DONE}token")


@operation(
    Operation(
        summary="End a session: a browser's, or a paired extension's",
        tag="pages",
        access="page",
        rate="login",
        other_bodies={FORM: {"type": "object", "properties": {"session": {"type": "string", "description": "its hash"}}}},
        answers={303: Answer("the session is ended", content_type=None)},
        problems=(Forbidden,),
    )
)
async def revoke(request: web.Request) -> web.StreamResponse:
    session_of(request)
    session = (await form_of(request)).get("session", "")
    if not SHA256_TEXT.fullmatch(session):
        raise RequestError("a session is named by its hash")
    await access.close_session(request.app[DATABASE], session)
    raise web.HTTPSeeOther(f"{DONE}revoked")

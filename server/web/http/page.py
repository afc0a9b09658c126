"""Answers with a page: a template filled in for this request.

Every template has `path`, `signed_in` and `blurred` (whether this browser shows medical images blurred).
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from server.web.http.caller import caller_of
from server.web.http.keys import SETTINGS
from server.web.templating import ENVIRONMENTS
from server.web.texts.catalogue import current

# Set by static/blur.js. A browser without it follows MEDLENS_BLUR_THUMBNAILS.
BLUR_COOKIE = "medlens_blur"


def blurred(request: web.Request) -> bool:
    """Whether this browser shows medical images blurred. The page says so from the start, so that none flashes up."""
    chosen = request.cookies.get(BLUR_COOKIE)
    return chosen == "on" if chosen in {"on", "off"} else request.app[SETTINGS].blur_thumbnails


def render(request: web.Request, template: str, **values: Any) -> str:
    """The page's HTML."""
    always = {"path": request.path, "signed_in": caller_of(request).kind == "session", "blurred": blurred(request)}
    return ENVIRONMENTS[current().language].get_template(template).render(**always, **values)


def page(request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
    """The page as a response that no cache keeps."""
    return web.Response(
        text=render(request, template, **values), content_type="text/html", status=status, headers={"Cache-Control": "no-store"}
    )

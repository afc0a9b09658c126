"""The pages' templates: Jinja2, everything escaped, a missing name is an error. Knows how things look, not where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from server.contract.modalities import MODALITY_KEYS, MODALITY_NAMES
from server.contract.percent import percent
from server.contract.words import MEMBER_NAMES
from server.web.http.caller import caller_of
from server.web.http.keys import SETTINGS
from server.web.pages import formats
from server.web.pages.views import context_text
from server.web.texts.catalogue import ENGLISH

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"

# The navigation bar: path, icon (templates/icons.html) and name (names.nav of the texts), and the key that follows `g`.
NAVIGATION = (
    {"path": "/", "icon": "history", "key": "h"},
    {"path": "/new", "icon": "new", "key": "n"},
    {"path": "/review", "icon": "review", "key": "r"},
    {"path": "/figures", "icon": "figures", "key": "f"},
    {"path": "/corrections", "icon": "corrections", "key": "c"},
    {"path": "/settings", "icon": "settings", "key": "s"},
)


def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.globals |= {
        "t": ENGLISH.pages,
        "script_texts": ENGLISH.scripts,
        "modality_names": MODALITY_NAMES,
        "modality_keys": MODALITY_KEYS,
        "member_names": MEMBER_NAMES,
        "status_names": ENGLISH.names["status"],
        "kind_names": ENGLISH.names["kind"],
        "context_text": context_text,
        "nav_names": ENGLISH.names["nav"],
        "span_names": ENGLISH.names["span"],
        "navigation": NAVIGATION,
    }
    filters = (
        formats.ago,
        formats.when,
        percent,
        formats.host,
        formats.seconds,
        formats.thousands,
        formats.data_size,
        formats.code,
    )
    made.filters |= {one.__name__: one for one in filters}
    return made


ENVIRONMENT = environment()
# Set by static/blur.js; what MEDLENS_BLUR_THUMBNAILS says holds until then.
BLUR_COOKIE = "medlens_blur"


def blurred(request: web.Request) -> bool:
    """Whether this browser's medical pictures come blurred. Known while the page is written, so nothing flashes."""
    chosen = request.cookies.get(BLUR_COOKIE)
    return chosen == "on" if chosen in {"on", "off"} else request.app[SETTINGS].blur_thumbnails


def render(request: web.Request, template: str, **values: Any) -> str:
    """The page's HTML. `path`, `signed_in` and `blurred` are there for every template."""
    always = {"path": request.path, "signed_in": caller_of(request).kind == "session", "blurred": blurred(request)}
    return ENVIRONMENT.get_template(template).render(**always, **values)


def page(request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
    return web.Response(
        text=render(request, template, **values), content_type="text/html", status=status, headers={"Cache-Control": "no-store"}
    )

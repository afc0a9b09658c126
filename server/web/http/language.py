"""The language of a request: the one chosen on the settings page, else the browser's first that the dashboard has, else English."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from server.web.texts.catalogue import CATALOGUES, DEFAULT, speak

# Set by static/settings.js. Without it the browser's languages count.
COOKIE = "medlens_language"
# Languages of an Accept-Language header that are looked at; browsers send a handful.
MOST = 20


def accepted(header: str) -> str:
    """The first language of an Accept-Language header that the dashboard has: "de-AT, en;q=0.8" gives de."""
    offers: list[tuple[float, str]] = []
    for offer in header.split(",")[:MOST]:
        tag, _, weight = offer.strip().partition(";")
        try:
            share = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if share > 0:
            offers.append((share, tag.strip().partition("-")[0].lower()))
    ordered = sorted(offers, key=lambda offer: -offer[0])  # stable: of equal weights the first
    return next((tag for _, tag in ordered if tag in CATALOGUES), DEFAULT)


def chosen(request: web.Request) -> str:
    """The language chosen in this browser; empty if it follows the browser's."""
    choice = request.cookies.get(COOKIE, "")
    return choice if choice in CATALOGUES else ""


@web.middleware
async def language(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Outside of `problems`, so that an error's page has the language too."""
    speak(chosen(request) or accepted(request.headers.get("Accept-Language", "")))
    return await handler(request)

"""Turns what is drawn rather than photographed into PNG: SVG files, inline SVG, canvases.

SVG is drawn by the browser on a blank page of its own, as an image: no script in it runs and nothing is loaded, the page's styles
were written into the markup by collect.js, and transparent ground stays transparent. An SVG is drawn as large as the page shows it.
Canvases whose pixels scripts may not read (tainted, WebGL, a worker's) are taken from a screenshot. Knows nothing of the network.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from html import escape
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote_to_bytes

from playwright.async_api import BrowserContext, Page
from playwright.async_api import Error as PlaywrightError

from server.contract.records import Place
from server.extract.candidate_filter import CandidateFilter
from server.extract.isolated_world import RASTER
from server.settings import Settings

MAX_DRAWINGS = 120  # a drawing takes about 15 ms; pages with more have icons or maps made of hundreds of pieces
MAX_SHOTS = 8  # a screenshot takes about 150 ms
MAX_SVG_SIDE = 1024  # pixels; more than any member looks at
MAX_SVG_BYTES = 20_000_000  # with the images written into it
DRAW_TIMEOUT_S = 3.0  # nested <use> can make a few lines of SVG draw for hours
SVG_DATA = "data:image/svg+xml"


class Rasterizer:
    """Draws for one page; `async with`, so that its blank page is closed with it."""

    def __init__(self, context: BrowserContext, candidate_filter: CandidateFilter, settings: Settings) -> None:
        self._context = context
        self._candidate_filter = candidate_filter
        self._settings = settings
        self._blank: Page | None = None
        self._drawn: dict[tuple[bytes, int], bytes | None] = {}
        self._shots = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._blank is not None and kind is None:
            await self._blank.close()

    async def svg(self, source: bytes, place: Place) -> None:
        """Draw one SVG file and offer it to the candidate_filter. Its size counts as shown; behind other things, as its own."""
        shown = place.box if place.kind != "background" else None
        if shown is not None and min(shown[2:]) < self._settings.min_image_side:
            self._candidate_filter.refuse("too_small", place, key=source)
            return
        if len(source) > MAX_SVG_BYTES:
            self._candidate_filter.refuse("too_large", place, key=source)
            return
        size = min(MAX_SVG_SIDE, round(max(shown[2:]))) if shown is not None else 0
        key = (source, size)
        if key not in self._drawn:
            if self._candidate_filter.full or len(self._drawn) >= MAX_DRAWINGS:
                self._candidate_filter.refuse("too_many", place, key=source)
                return
            try:
                self._drawn[key] = await self._draw(source, size)
            except TimeoutError:
                self._drawn[key] = None
                self._candidate_filter.refuse("timed_out", place, "the drawing takes too long", key=source)
                return
        png = self._drawn[key]
        if png is None:
            self._candidate_filter.refuse("broken", place, "the SVG does not draw", key=source)
        else:
            self._candidate_filter.offer(png, place)

    async def screenshot(self, page: Page, place: Place) -> None:
        """Take what stands in the place's box on `page`."""
        if place.box is None or min(place.box[2:]) < self._settings.min_image_side:
            return
        if self._shots >= MAX_SHOTS:
            self._candidate_filter.refuse("too_many", place, key=repr(place.box))
            return
        self._shots += 1
        x, y, width, height = place.box
        try:
            shot = await page.screenshot(
                clip={"x": x, "y": y, "width": width, "height": height}, full_page=True, timeout=DRAW_TIMEOUT_S * 1000
            )
        except PlaywrightError as error:
            self._candidate_filter.refuse("unreadable", place, str(error).split("\n", 1)[0][:200], key=repr(place.box))
        else:
            self._candidate_filter.offer(shot, place)

    async def _draw(self, source: bytes, size: int) -> bytes | None:
        if self._blank is None:
            self._blank = await self._context.new_page()
        address = f"{SVG_DATA};base64,{base64.b64encode(source).decode()}"
        try:
            async with asyncio.timeout(DRAW_TIMEOUT_S):
                answer: Any = await self._blank.evaluate(
                    f"([source, size, limit]) => ({RASTER})(source, size, limit)", [address, size, MAX_SVG_SIDE]
                )
        except (TimeoutError, PlaywrightError) as error:  # drawing for ever, out of memory: the next one gets a new page
            blank, self._blank = self._blank, None
            await blank.close()
            if isinstance(error, TimeoutError):
                raise
            return None
        return decoded(answer["data"])[1] if answer else None


def filled(markup: str, images: dict[str, bytes]) -> bytes:
    """The SVG with the images it links to written into it, as far as they arrived: an SVG shown as an image loads nothing."""
    for url, data in images.items():
        markup = markup.replace(f'href="{escape(url)}"', f'href="data:;base64,{base64.b64encode(data).decode()}"')
    return markup.encode("utf-8", "replace")


def decoded(address: str) -> tuple[str, bytes]:
    """Media type and bytes of a data: address. Raises ValueError."""
    head, comma, body = address.removeprefix("data:").partition(",")
    if not comma:
        raise ValueError("no comma in the data: address")
    mime, *parameters = [part.strip().lower() for part in head.split(";")]
    data = unquote_to_bytes(body)
    if "base64" not in parameters:
        return mime, data
    try:
        data = b"".join(data.split()).rstrip(b"=")
        return mime, base64.b64decode(data + b"=" * (-len(data) % 4))
    except binascii.Error as error:
        raise ValueError(f"the data: address is no base64: {error}") from None

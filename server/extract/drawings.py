"""Renders SVG files, inline SVG and canvases as PNG.

The browser draws an SVG on a blank page of its own, as an image: its scripts do not run and nothing is loaded. collect.js writes
the page's styles into the markup; a transparent background stays transparent; the size is that on the page. Canvases whose pixels
scripts may not read (tainted, WebGL, a worker's) are taken from a screenshot.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from html import escape
from types import TracebackType
from typing import Any, Self

from playwright.async_api import BrowserContext, Page
from playwright.async_api import Error as PlaywrightError

from server.contract.records import Box, Place
from server.extract.candidate_filter import CandidateFilter
from server.extract.data_url import decode_data_url
from server.extract.isolated_world import MOSAIC, RASTER
from server.settings import Settings

MAX_DRAWINGS = 120  # a drawing takes about 15 ms; pages with more have icons or maps made of hundreds of pieces
MAX_SCREENSHOTS = 8  # a screenshot takes about 150 ms
MAX_SVG_SIDE = 1024  # pixels; more than any model uses
MAX_SVG_BYTES = 20_000_000  # of one SVG with the images embedded in it
DRAW_TIMEOUT_S = 3.0  # nested <use> can make a few lines of SVG draw for hours
MAX_MOSAIC_SIDE = 4096  # pixels of a mosaic; a window shows a third of that
MAX_MOSAIC_BYTES = 40_000_000  # of its tiles together
MOSAIC_TIMEOUT_S = 8.0  # forty tiles take 0.2 s
SVG_DATA = "data:image/svg+xml"


class Rasterizer:
    """Renders the drawings of one page; `async with` closes the blank page."""

    def __init__(self, context: BrowserContext, candidate_filter: CandidateFilter, settings: Settings) -> None:
        self._context = context
        self._candidate_filter = candidate_filter
        self._settings = settings
        self._blank: Page | None = None
        self._drawn: dict[tuple[bytes, int], bytes | None] = {}
        self._screenshots = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._blank is not None and kind is None:
            await self._blank.close()

    async def svg(self, source: bytes, place: Place) -> None:
        """Draw one SVG file at its size on the page (a background at its own) and offer it to the candidate filter."""
        box = place.box if place.kind != "background" else None
        if box is not None and min(box[2:]) < self._settings.min_image_side:
            self._candidate_filter.refuse("too_small", place, key=source)
            return
        if len(source) > MAX_SVG_BYTES:
            self._candidate_filter.refuse("too_large", place, key=source)
            return
        size = min(MAX_SVG_SIDE, round(max(box[2:]))) if box is not None else 0
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

    async def mosaic(self, tiles: Sequence[tuple[bytes, Box]], place: Place) -> bool:
        """Draw tiles as one image of their own resolution and offer it; returns whether the filter accepted it."""
        assert place.box is not None
        left, top, width, height = place.box
        if sum(len(data) for data, _ in tiles) > MAX_MOSAIC_BYTES:
            return False
        parts = [
            [f"data:;base64,{base64.b64encode(data).decode()}", box[0] - left, box[1] - top, box[2], box[3]] for data, box in tiles
        ]
        self._blank = self._blank or await self._context.new_page()
        try:
            async with asyncio.timeout(MOSAIC_TIMEOUT_S):
                drawn: str | None = await self._blank.evaluate(
                    f"([tiles, size, limit]) => ({MOSAIC})(tiles, size, limit)", [parts, [width, height], MAX_MOSAIC_SIDE]
                )
        except (TimeoutError, PlaywrightError):
            blank, self._blank = self._blank, None
            await blank.close()
            return False
        return bool(drawn) and self._candidate_filter.offer(decode_data_url(drawn or "")[1], place)

    async def screenshot(self, page: Page, place: Place) -> None:
        """Offer a screenshot of the place's box on `page`."""
        if place.box is None or min(place.box[2:]) < self._settings.min_image_side:
            return
        if self._screenshots >= MAX_SCREENSHOTS:
            self._candidate_filter.refuse("too_many", place, key=repr(place.box))
            return
        self._screenshots += 1
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
        except (TimeoutError, PlaywrightError) as error:  # endless drawing, out of memory: the next drawing gets a new page
            blank, self._blank = self._blank, None
            await blank.close()
            if isinstance(error, TimeoutError):
                raise
            return None
        return decode_data_url(answer["data"])[1] if answer else None


def embed_images(markup: str, images: dict[str, bytes]) -> bytes:
    """Embed the images that the SVG links to, if they were loaded: an SVG drawn as an image loads nothing itself."""
    for url, data in images.items():
        markup = markup.replace(f'href="{escape(url)}"', f'href="data:;base64,{base64.b64encode(data).decode()}"')
    return markup.encode("utf-8", "replace")

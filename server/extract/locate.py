"""Brings bytes and places together at the end of a visit: every image is told again for each place it stands in.

Files come from the traffic, data: addresses from the layout itself, SVG and canvases from the easel. Emits through the sieve alone.
"""

from __future__ import annotations

from playwright.async_api import Page

from server.contract.records import Place
from server.extract.candidate_filter import Sieve, address
from server.extract.drawings import SVG_DATA, Easel, decoded, filled
from server.extract.layout import Layout
from server.extract.responses import Traffic


async def place_images(layout: Layout, page: Page, traffic: Traffic, sieve: Sieve, easel: Easel) -> None:
    """Offer everything the layout lists. Raises PlaywrightError when the page is gone."""
    for index in range(layout.small):
        sieve.refuse("too_small", Place(None, "svg"), key=f"drawing {index}")
    placed: set[str] = set()
    for url, place, world in layout.shown:
        if address(url) not in placed:
            placed.add(address(url))
            await traffic.recover(url, place, world)
        await _tell(url, place, traffic, sieve, easel)
    for url in traffic.svgs.keys() - placed:
        await easel.svg(traffic.svgs[url], Place(url, "other"))
    for drawing in layout.svgs:
        images = {link: traffic.images[address(link)] for link in drawing.links if address(link) in traffic.images}
        await easel.svg(filled(drawing.content or "", images), drawing.place)
    for drawing in layout.canvases:
        if drawing.content is None:
            await easel.screenshot(page, drawing.place)
        elif drawing.content:
            sieve.offer(decoded(drawing.content)[1], drawing.place)
        else:
            sieve.refuse("too_many_pixels", drawing.place, key=repr(drawing.place.box))


async def _tell(url: str, place: Place, traffic: Traffic, sieve: Sieve, easel: Easel) -> None:
    known = address(url)
    if url.startswith("data:"):
        try:
            data = decoded(url)[1]
        except ValueError as error:
            sieve.refuse("broken", place, str(error), key=url)
            return
        if url.lower().startswith(SVG_DATA):
            await easel.svg(data, place)
        else:
            sieve.offer(data, place)
    elif known in traffic.images:
        sieve.offer(traffic.images[known], place)
    elif known in traffic.svgs:
        await easel.svg(traffic.svgs[known], place)

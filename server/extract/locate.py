"""Brings bytes and places together at the end of a visit: every image is told again for each place it stands in.

Files come from the responses, data: addresses from the layout itself, SVG and canvases from the rasterizer. Emits through the
candidate_filter alone.
"""

from __future__ import annotations

from playwright.async_api import Page

from server.contract.records import Place
from server.extract.candidate_filter import CandidateFilter, address
from server.extract.drawings import SVG_DATA, Rasterizer, decoded, filled
from server.extract.layout import Layout
from server.extract.responses import Responses


async def place_images(
    layout: Layout, page: Page, responses: Responses, candidate_filter: CandidateFilter, rasterizer: Rasterizer
) -> None:
    """Offer everything the layout lists. Raises PlaywrightError when the page is gone."""
    for index in range(layout.small):
        candidate_filter.refuse("too_small", Place(None, "svg"), key=f"drawing {index}")
    placed: set[str] = set()
    for url, place, world in layout.shown:
        if address(url) not in placed:
            placed.add(address(url))
            await responses.recover(url, place, world)
        await _tell(url, place, responses, candidate_filter, rasterizer)
    for url in responses.svgs.keys() - placed:
        await rasterizer.svg(responses.svgs[url], Place(url, "other"))
    for drawing in layout.svgs:
        images = {link: responses.images[address(link)] for link in drawing.links if address(link) in responses.images}
        await rasterizer.svg(filled(drawing.content or "", images), drawing.place)
    for drawing in layout.canvases:
        if drawing.content is None:
            await rasterizer.screenshot(page, drawing.place)
        elif drawing.content:
            candidate_filter.offer(decoded(drawing.content)[1], drawing.place)
        else:
            candidate_filter.refuse("too_many_pixels", drawing.place, key=repr(drawing.place.box))


async def _tell(url: str, place: Place, responses: Responses, candidate_filter: CandidateFilter, rasterizer: Rasterizer) -> None:
    known = address(url)
    if url.startswith("data:"):
        try:
            data = decoded(url)[1]
        except ValueError as error:
            candidate_filter.refuse("broken", place, str(error), key=url)
            return
        if url.lower().startswith(SVG_DATA):
            await rasterizer.svg(data, place)
        else:
            candidate_filter.offer(data, place)
    elif known in responses.images:
        candidate_filter.offer(responses.images[known], place)
    elif known in responses.svgs:
        await rasterizer.svg(responses.svgs[known], place)

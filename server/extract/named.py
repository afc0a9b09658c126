"""Reads the images that a page names and does not show: slides that never loaded, noscript, hidden backgrounds, structured data.

named.js lists them. Those that were never requested are loaded by the page itself, so that its cookies, the egress proxy and the
limits apply to them as to every other image. Their places have the kind `not_shown`. Images that cannot be loaded are skipped by
that name, and a remark gives their number. Buttons ("Load more") and tabs are counted, never pressed.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Error as PlaywrightError

from server.contract.records import Notice, Place
from server.extract.candidate_filter import CandidateFilter, address, plain
from server.extract.drawings import Rasterizer
from server.extract.isolated_world import LOAD, NAMED, IsolatedWorld
from server.extract.layout import Layout
from server.extract.responses import PageMoved, Responses
from server.settings import Settings

MAX_NAMED = 200  # of one frame; galleries have fewer slides
MAX_LOADED = 100  # of one page; they load together, in a second or two
LOAD_LIMIT_S = 8.0  # the same as for images at the foot of a page
FRAME_BUDGET_S = 1.0  # named.js reads 20,000 elements in about 0.1 s
FRAME_TIMEOUT_S = 3.0
NOT_PRESSED = "not_pressed"
NOT_SHOWN = "not_shown"


@dataclass(slots=True)
class Named:
    """`missing`: by address, place and world of each image that was never requested. `buttons`, `tabs`: numbers, not pressed."""

    missing: dict[str, tuple[Place, IsolatedWorld]] = field(default_factory=dict)
    buttons: int = 0
    tabs: int = 0
    cut: bool = False


async def read_named(layout: Layout, responses: Responses, settings: Settings) -> Named:
    """Read what the frames of the layout name; frames that hang or are gone are left out."""
    named = Named()
    for url, place, world in layout.shown:
        if place.box is None and url.startswith(("http:", "https:")) and not responses.requested(url):
            named.missing.setdefault(url, (Place(address(url), "not_shown", alt=place.alt, texts=place.texts), world))
    options = {"minSide": settings.min_image_side, "maxNamed": MAX_NAMED, "budgetMs": FRAME_BUDGET_S * 1000}
    for world in layout.worlds:
        try:
            found = await world.run(NAMED, options, with_closed_roots=True, timeout_s=FRAME_TIMEOUT_S)
        except (PlaywrightError, TimeoutError):
            named.cut = True
            continue
        _add(named, found, world, responses)
    return named


def _add(named: Named, found: dict[str, Any], world: IsolatedWorld, responses: Responses) -> None:
    named.buttons += found["buttons"]
    named.tabs += found["tabs"]
    named.cut = named.cut or found["cut"]
    for entry in found["named"]:
        urls = entry["urls"]
        if not any(responses.requested(url) or url in named.missing for url in urls):
            named.missing[urls[0]] = Place(address(urls[0]), "not_shown", alt=plain(entry["alt"])), world


async def load_named(named: Named, responses: Responses, candidate_filter: CandidateFilter, rasterizer: Rasterizer) -> list[Notice]:
    """Load the missing images, offer them to the filter, and return remarks about what was not read. Raises PlaywrightError."""
    wanted = dict(list(named.missing.items())[:MAX_LOADED])
    responses.expect_hidden(wanted)
    by_world: dict[IsolatedWorld, list[str]] = {}
    for url, (_, world) in wanted.items():
        by_world.setdefault(world, []).append(url)
    for world, urls in by_world.items():
        with suppress(PlaywrightError):  # a frame that is gone
            await world.run(LOAD, urls)
    if wanted:
        with suppress(PageMoved):
            await responses.quiet(LOAD_LIMIT_S)
    lost = 0
    for url, (place, _) in named.missing.items():
        known = address(url)
        if known in responses.images:
            candidate_filter.offer(responses.images[known], place)
        elif known in responses.svgs:
            await rasterizer.svg(responses.svgs[known], place)
        else:
            lost += 1
            if not responses.counted(known):
                candidate_filter.refuse("not_shown", place)
    return _remarks(named, lost)


def _remarks(named: Named, lost: int) -> list[Notice]:
    remarks = []
    if lost:
        message = f"{lost} images that the page names but does not show could not be loaded"
        remarks.append(Notice(code=NOT_SHOWN, message=message, severity="remark"))
    pressed = [f"{count} {what}" for count, what in ((named.buttons, '"load more" buttons'), (named.tabs, "empty tabs")) if count]
    if pressed:
        message = f"the page has {' and '.join(pressed)} that were not pressed; what they would load is not read"
        remarks.append(Notice(code=NOT_PRESSED, message=message, severity="remark"))
    if named.cut:
        message = "the page names more images than are read"
        remarks.append(Notice(code="too_large", message=message, severity="cut"))
    return remarks

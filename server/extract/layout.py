"""Finds the places of images on a rendered page: `read_layout` lists them, `locate_images` joins them with the images' bytes.

collect.js runs in every frame and lists what is shown there. Boxes are in CSS pixels of the whole page; texts are plain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import CDPSession, Page
from playwright.async_api import Error as PlaywrightError

from server.contract.records import Box, NearbyText, Place, TextSource
from server.extract.candidate_filter import CandidateFilter, address, plain
from server.extract.captions import is_caption
from server.extract.data_url import decode_data_url
from server.extract.drawings import SVG_DATA, Rasterizer, embed_images
from server.extract.isolated_world import COLLECT, IsolatedWorld, isolated_worlds
from server.extract.responses import Responses
from server.settings import Settings

# collect.js reads 20,000 elements of a frame in about 0.3 s; a frame that needs longer than this is left out.
FRAME_BUDGET_S = 2.0
FRAME_TIMEOUT_S = 4.0
MAX_ENTRIES = 5000  # places with an address, of one frame; a frame with more repeats one image as tiles
MAX_PLACES = 20  # of one address
MAX_CHARS = 60_000_000  # data: addresses, canvases, drawings and texts of one frame together
TEXT_SOURCES: tuple[TextSource, ...] = ("caption", "paragraph", "heading", "link")  # as collect.js names them


@dataclass(frozen=True, slots=True)
class Drawing:
    """An inline SVG or a canvas. `content`: the SVG's markup or the canvas as data: address; None: take a screenshot of it."""

    content: str | None
    place: Place
    links: tuple[str, ...] = ()  # images inside an SVG
    frame: str = ""  # address of the document that contains it


@dataclass(slots=True)
class Layout:
    """`shown`: address as in the page, place, world of its frame. `small`: number of drawings under the least size.

    `cut`: something was not read. `worlds`: the frames that were read. `embedded`: address and media type of frames, objects,
    embeds.
    """

    worlds: list[IsolatedWorld] = field(default_factory=list)
    embedded: list[tuple[str, str]] = field(default_factory=list)
    shown: list[tuple[str, Place, IsolatedWorld]] = field(default_factory=list)
    canvases: list[Drawing] = field(default_factory=list)
    svgs: list[Drawing] = field(default_factory=list)
    small: int = 0
    videos: int = 0  # without a poster and without a loaded frame
    cut: bool = False


async def read_layout(page: Page, session: CDPSession, settings: Settings) -> Layout:
    """Read all frames in their present state; those that hang or are gone are left out.

    Raises PlaywrightError or TimeoutError if the page's own document hangs or is gone.
    """
    layout = Layout()
    count: Counter[str] = Counter()
    options = {
        "minSide": settings.min_image_side,
        "maxImages": MAX_ENTRIES,
        "maxChars": MAX_CHARS,
        "maxPixels": settings.max_pixels,
        "budgetMs": FRAME_BUDGET_S * 1000,
        "texts": settings.context == "on",
    }
    for world in await isolated_worlds(page, session):
        try:
            found = await world.run(COLLECT, options, with_closed_roots=True, timeout_s=FRAME_TIMEOUT_S)
        except (PlaywrightError, TimeoutError):
            layout.cut = True
            continue
        layout.worlds.append(world)
        _add(layout, found, world, count)
    return layout


def _add(layout: Layout, found: dict[str, Any], world: IsolatedWorld, count: Counter[str]) -> None:
    layout.cut = layout.cut or found["cut"]
    layout.small += found["small"]
    layout.videos += found["videos"]
    layout.embedded += [(url, mime) for url, mime in found["embedded"]]
    urls: list[str] = found["urls"]
    texts = [plain(text) for text in found["texts"]]
    for entry in found["images"]:
        url = urls[entry["url"]]
        count[url] += 1
        if count[url] <= MAX_PLACES:
            layout.shown.append((url, _place(entry, entry["kind"], world, texts, address(url)), world))
    for entry in found["canvases"]:
        place = _place(entry, entry["kind"], world, texts)
        layout.canvases.append(Drawing(entry["data"], place, frame=found["address"]))
    for entry in found["svgs"]:
        layout.svgs.append(Drawing(entry["markup"], _place(entry, "svg", world, texts), tuple(entry["links"])))


def _place(entry: dict[str, Any], kind: Any, world: IsolatedWorld, texts: Sequence[str | None], url: str | None = None) -> Place:
    return Place(url, kind, alt=plain(entry["alt"]), box=_box(entry["box"], world), texts=_texts(entry["texts"], texts))


def _texts(entry: dict[str, int | None] | None, texts: Sequence[str | None]) -> tuple[NearbyText, ...]:
    found = ((source, entry[source]) for source in TEXT_SOURCES) if entry else ()
    said = ((source, texts[index]) for source, index in found if index is not None)
    return tuple(NearbyText(_kind(source, text), text) for source, text in said if text)


def _kind(source: TextSource, text: str) -> TextSource:
    return "caption" if source == "paragraph" and is_caption(text) else source


def _box(box: list[float] | None, world: IsolatedWorld) -> Box | None:
    if box is None:
        return None
    x, y, width, height = box
    return (round(x + world.origin[0], 1), round(y + world.origin[1], 1), round(width, 1), round(height, 1))


async def locate_images(
    layout: Layout,
    page: Page,
    responses: Responses,
    candidate_filter: CandidateFilter,
    rasterizer: Rasterizer,
    tiles: Collection[str] = (),
) -> None:
    """Offer each image of the layout, except `tiles`, to the filter once for each of its places.

    The bytes of files come from the responses, those of data: addresses from the layout itself. The rasterizer draws SVG, and takes
    screenshots of canvases that scripts may not read. Raises PlaywrightError when the page is gone.
    """
    for index in range(layout.small):
        candidate_filter.refuse("too_small", Place(None, "svg"), key=f"drawing {index}")
    for index in range(layout.videos):
        candidate_filter.refuse("video", Place(None, "video_frame"), key=f"video {index}")
    recovered: set[str] = set()
    for url, place, world in layout.shown:
        if address(url) not in recovered:
            recovered.add(address(url))
            await responses.recover(url, place, world)
        if address(url) not in tiles:
            await _offer(url, place, responses, candidate_filter, rasterizer)
    for url in responses.held.keys() - recovered - set(tiles):
        candidate_filter.offer(responses.held[url], Place(url, "other"))
    for url in responses.svgs.keys() - recovered:
        await rasterizer.svg(responses.svgs[url], Place(url, "other"))
    for drawing in layout.svgs:
        images = {link: responses.images[address(link)] for link in drawing.links if address(link) in responses.images}
        await rasterizer.svg(embed_images(drawing.content or "", images), drawing.place)
    for drawing in layout.canvases:
        if drawing.content is None:
            await rasterizer.screenshot(page, drawing.place)
        elif drawing.content:
            candidate_filter.offer(decode_data_url(drawing.content)[1], drawing.place)
        else:
            candidate_filter.refuse("too_many_pixels", drawing.place, key=repr(drawing.place.box))


async def _offer(url: str, place: Place, responses: Responses, candidate_filter: CandidateFilter, rasterizer: Rasterizer) -> None:
    known = address(url)
    if url.startswith("data:"):
        try:
            data = decode_data_url(url)[1]
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

"""Joins the tiles of a zoom viewer (Deep Zoom, Zoomify, IIIF, Leaflet, OpenSeadragon) into one image.

An image with the address of a tile is held back until the layout is known. Tiles that lie edge to edge become one image, as the
page shows it (`mosaic`); tiles that were drawn on a canvas are read as that canvas. An IIIF server also delivers the whole image.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations

from playwright.async_api import Error as PlaywrightError

from server.contract.records import Box, Place
from server.extract.candidate_filter import CandidateFilter, address
from server.extract.connected import connected
from server.extract.drawings import Rasterizer
from server.extract.isolated_world import LOAD, IsolatedWorld
from server.extract.layout import Layout
from server.extract.responses import PageMoved, Responses
from server.extract.tile_addresses import TILE, VIEWER_TILE, iiif_whole
from server.imaging.size import size_of
from server.settings import Settings

MIN_TILES = 4  # two rows of two
MAX_TILES = 400  # of one viewer; a window of 1366 x 1000 has 30 tiles of 256 pixels, and as many are loaded around it
LOAD_LIMIT_S = 8.0  # for the whole image of an IIIF server
EDGE_PX = 3.0  # by which neighbours may overlap or lie apart: Deep Zoom's overlap, and rounding


@dataclass(frozen=True, slots=True)
class Mosaic:
    """Tiles edge to edge: (address, box on the page) of each. `place` is that of the whole."""

    tiles: tuple[tuple[str, Box], ...]
    place: Place


async def place_tiles(
    layout: Layout, responses: Responses, candidate_filter: CandidateFilter, rasterizer: Rasterizer, settings: Settings
) -> set[str]:
    """Offer each image that the page shows as tiles; returns the addresses of images that must not be offered themselves.

    Removes the canvases from the layout if an IIIF server delivered the whole image. Raises PlaywrightError.
    """
    used: set[str] = set()
    if not responses.held:
        return used
    by_frame: dict[IsolatedWorld, list[tuple[str, Place]]] = {}
    for url, place, world in layout.shown:
        if address(url) in responses.held and place.kind in ("img", "picture"):
            by_frame.setdefault(world, []).append((url, place))
    for world, shown in by_frame.items():
        for mosaic in find_mosaics(shown):
            whole = await _full_image(mosaic.tiles[0][0], world, responses, settings)
            place = mosaic.place
            if whole is not None:
                candidate_filter.offer(whole, place)
            elif not await rasterizer.mosaic([(responses.held[url], box) for url, box in mosaic.tiles], place):
                continue
            assert place.box is not None
            used |= {address(url) for url, other in shown if inside(other.box, place.box)}
    in_dom = {address(url) for url, _, _ in layout.shown}
    drawn = [url for url in responses.held if url not in in_dom]
    sure = [url for url in drawn if VIEWER_TILE.search(url)]
    if layout.canvases and (sure or len(drawn) >= MIN_TILES):
        used.update(drawn if len(drawn) >= MIN_TILES else sure)
        wholes = {there for url in sure if (there := iiif_whole(url))}
        for url in sorted(wholes):
            data = await _load(url, layout.worlds[0], responses, settings)
            if data is not None:
                candidate_filter.offer(data, Place(address(url), "mosaic"))
                layout.canvases = []
    return used


async def _full_image(tile: str, world: IsolatedWorld, responses: Responses, settings: Settings) -> bytes | None:
    url = iiif_whole(tile)
    return await _load(url, world, responses, settings) if url else None


async def _load(url: str, world: IsolatedWorld, responses: Responses, settings: Settings) -> bytes | None:
    """The whole image from an IIIF server; None if the server does not deliver it, or if it is too large to be judged."""
    responses.hold(url)
    with suppress(PlaywrightError, PageMoved):
        await world.run(LOAD, [url])
        await responses.quiet(LOAD_LIMIT_S)
    data = responses.images.get(address(url))
    if data is None:
        return None
    size = size_of(data)
    return data if size is not None and size[0] * size[1] <= settings.max_pixels else None


def find_mosaics(shown: Iterable[tuple[str, Place]]) -> list[Mosaic]:
    """The mosaics among the images of one frame: at least MIN_TILES tiles in two rows and columns. `shown` is in page order."""
    tiles = [(url, place, place.box) for url, place in shown if place.box and TILE.search(url)][:MAX_TILES]
    boxes = [box for _, _, box in tiles]
    touching = (
        (one, other)
        for one, other in combinations(range(len(tiles)), 2)
        if _touch(boxes[one], boxes[other]) or _touch(boxes[other], boxes[one])
    )
    groups = connected(len(tiles), touching)
    return [_mosaic([tiles[index] for index in group]) for group in groups if _is_grid([boxes[index] for index in group])]


def inside(box: Box | None, outer: Box) -> bool:
    """Whether a box lies within another one, with a tolerance of EDGE_PX."""
    if box is None:
        return False
    (x, y, width, height), (left, top, wide, high) = box, outer
    return x >= left - EDGE_PX and y >= top - EDGE_PX and x + width <= left + wide + EDGE_PX and y + height <= top + high + EDGE_PX


def _touch(one: Box, other: Box) -> bool:
    """Whether `other` follows `one` edge to edge, to its right or below it."""
    right = abs(one[0] + one[2] - other[0]) <= EDGE_PX and abs(one[1] - other[1]) <= EDGE_PX and abs(one[3] - other[3]) <= EDGE_PX
    below = abs(one[1] + one[3] - other[1]) <= EDGE_PX and abs(one[0] - other[0]) <= EDGE_PX and abs(one[2] - other[2]) <= EDGE_PX
    return right or below


def _is_grid(boxes: list[Box]) -> bool:
    columns, rows = ({round(box[axis] / (2 * EDGE_PX)) for box in boxes} for axis in (0, 1))
    return len(boxes) >= MIN_TILES and len(columns) > 1 and len(rows) > 1


def _mosaic(group: list[tuple[str, Place, Box]]) -> Mosaic:
    left, top = (min(box[axis] for _, _, box in group) for axis in (0, 1))
    right, bottom = (max(box[axis] + box[axis + 2] for _, _, box in group) for axis in (0, 1))
    first = group[0][1]
    alt = next((place.alt for _, place, _ in group if place.alt), None)
    place = Place(first.url, "mosaic", alt=alt, box=(left, top, right - left, bottom - top), texts=first.texts)
    return Mosaic(tuple((address(url), box) for url, _, box in group), place)

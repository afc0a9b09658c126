"""Reads a whole-slide image in the child of server/sandbox/child.py: a thumbnail, and an even sample of tiles that show tissue.

OpenSlide opens the file by its path. The label, which may name the patient, and the properties are not read. readers.py describes
the frames; `page` is 1 for the thumbnail, then 2 and more for the tiles; `box` is in pixels of the highest resolution.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from math import ceil
from typing import Any

import numpy as np
import openslide  # an extra; readers.py does not start this worker without it
from PIL import Image

from server.contract.errors import Damaged
from server.imaging.decode import to_png
from server.sandbox.protocol import Pipe

# Tissue is stained: the three colours of its pixels differ by this at least, of 255. Glass and its shadows are grey.
STAIN = 20
# Share of a tile's pixels that must be stained.
TISSUE_SHARE = 0.3
# Positions along each side of a slide from which tiles are taken.
MAX_GRID = 48
WHITE = (255, 255, 255)
GOLDEN = (5**0.5 - 1) / 2


def serve(pipe: Pipe) -> None:
    if (request := pipe.receive()) is None:
        return
    job, _ = request
    _Reading(pipe, job).run()
    pipe.send({"end": True})


class _Reading:
    """One slide that is read. OpenSlide reads nothing more of a slide after an error, so that it is opened again."""

    def __init__(self, pipe: Pipe, job: dict[str, Any]) -> None:
        self._pipe, self._job = pipe, job
        self._slide = self._opened()
        self._broken = 0

    def run(self) -> None:
        self._pipe.send({"page": 1})
        overview = self._thumbnail()
        page, side, whole = 1, int(self._job["tile_side"]), self._slide.dimensions
        for x, y in islice(_positions(whole, side, overview), int(self._job["max_tiles_read"])):
            size = min(side, whole[0] - x), min(side, whole[1] - y)
            place = {"page": page + 1, "box": (x, y, *size)}
            tile = self._region((x, y), 0, size, place) if min(size) >= int(self._job["min_side"]) else None
            if tile is None or _stained(tile).mean() < TISSUE_SHARE:
                continue
            page += 1
            self._pipe.send({"image": None, **place}, to_png(tile))
            if page > int(self._job["tiles"]):
                break
        if self._broken:
            self._pipe.send({"notice": Damaged.code, "message": f"{self._broken} parts of the slide are broken"})

    def _thumbnail(self) -> Image.Image | None:
        """Send the thumbnail and return it; None, sending why, if no level of the slide is small enough, or the level is broken."""
        wanted, slide = int(self._job["thumbnail_side"]), self._slide
        place = {"page": 1, "box": (0, 0, *slide.dimensions)}
        level = max((at for at, size in enumerate(slide.level_dimensions) if max(size) >= wanted), default=0)
        width, height = slide.level_dimensions[level]
        if width * height > int(self._job["max_pixels"]):
            detail = f"the smallest overview of the slide has {width} x {height} pixels"
            self._pipe.send({"skip": "too_many_pixels", "detail": detail, **place})
            return None
        image = self._region((0, 0), level, (width, height), place)
        if image is None:
            return None
        image.thumbnail((wanted, wanted))
        if min(image.size) < int(self._job["min_side"]):
            self._pipe.send({"skip": "too_small", "detail": "", **place})
        else:
            self._pipe.send({"image": None, **place}, to_png(image))
        return image

    def _region(self, at: tuple[int, int], level: int, size: tuple[int, int], place: dict[str, Any]) -> Image.Image | None:
        """A part of the slide without its alpha channel, which is empty where nothing was scanned; None, sending why, if broken."""
        try:
            image = self._slide.read_region(at, level, size)
        except openslide.OpenSlideError as error:
            self._broken += 1
            self._pipe.send({"skip": "broken", "detail": str(error)[:200], **place})
            self._slide = self._opened()
            return None
        white = Image.new("RGB", image.size, WHITE)
        white.paste(image, mask=image.getchannel("A"))
        return white

    def _opened(self) -> openslide.OpenSlide:
        try:
            return openslide.OpenSlide(self._pipe.file or "")
        except openslide.OpenSlideUnsupportedFormatError:
            raise Damaged("the slide does not open: its format is not one that OpenSlide reads from a single file") from None
        except openslide.OpenSlideError as error:
            raise Damaged(f"the slide does not open: {str(error)[:200]}") from None


def _positions(size: tuple[int, int], side: int, overview: Image.Image | None) -> Iterator[tuple[int, int]]:
    """Top left corners of tiles, evenly over the parts of a slide that have tissue in the overview, or over all of it."""
    columns, rows = (min(MAX_GRID, ceil(length / side)) for length in size)
    where = np.ones((rows, columns), dtype=bool)
    if overview is not None:
        share = Image.fromarray((_stained(overview) * 255).astype(np.uint8)).resize((columns, rows), Image.Resampling.BOX)
        where = np.asarray(share) >= TISSUE_SHARE * 255
    found = [(int(column), int(row)) for row, column in np.argwhere(where)]
    for at in _spread(len(found)):
        column, row = found[at]
        yield size[0] * column // columns, size[1] * row // rows


def _spread(count: int) -> Iterator[int]:
    """The numbers below `count` in an order whose every beginning is spread evenly: by multiples of the golden ratio."""
    yield from sorted(range(count), key=lambda number: number * GOLDEN % 1)


def _stained(image: Image.Image) -> np.ndarray[Any, np.dtype[np.bool_]]:
    pixels = np.asarray(image)
    return np.asarray(np.ptp(pixels, axis=2) >= STAIN)

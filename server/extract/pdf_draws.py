"""Lists the images that a PDF page draws, with their places, by running MuPDF's interpreter.

A MuPDF device receives the drawing calls of the page: images in forms, patterns and annotations and inline images are included,
those on hidden layers are not. Nothing is decoded here. Runs in the PDF child.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from PIL import Image
from pymupdf import mupdf

from server.contract.records import Box
from server.extract.pdf_tiles import Tile

# Images read of one page. A scanned page in strips of one row each has some 3,000; more is an attack or a pattern.
DRAWS_PER_PAGE = 4000
# Slant of an edge, as a share of its length, up to which it counts as upright.
UPRIGHT = 0.001
# Types of shading that have a colour for each of many points, and may therefore show an image.
MESHES = range(4, 8)

_TURNS = {  # signs of (a, d) or of (b, c): how stored pixels are turned to be upright as on the page
    ("straight", False, True): Image.Transpose.FLIP_LEFT_RIGHT,
    ("straight", True, False): Image.Transpose.FLIP_TOP_BOTTOM,
    ("straight", False, False): Image.Transpose.ROTATE_180,
    ("sideways", True, False): Image.Transpose.ROTATE_270,
    ("sideways", False, True): Image.Transpose.ROTATE_90,
    ("sideways", True, True): Image.Transpose.TRANSPOSE,
    ("sideways", False, False): Image.Transpose.TRANSVERSE,
}


@dataclass(frozen=True)
class Draw:
    """One drawing of an image. `matrix`: from the unit square (top left is 0, 0) to points from the page's top left corner.

    `colour`: the (r, g, b) of 0..255 in which a stencil is painted; None for an image with colours of its own.
    """

    image: Any
    matrix: tuple[float, float, float, float, float, float]
    colour: tuple[int, int, int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Stored pixels: width, height. If a mask is finer than its image, its size counts, because the mask has the detail."""
        mask = self.image.mask()
        if mask.m_internal is None:
            return self.image.w(), self.image.h()
        return max(self.image.w(), mask.w()), max(self.image.h(), mask.h())

    @property
    def upright(self) -> bool:
        """Whether its edges are parallel to those of the page, so that at most it is mirrored or turned by quarters."""
        a, b, c, d, _, _ = self.matrix
        return max(abs(b), abs(c)) <= UPRIGHT * max(abs(a), abs(d)) or max(abs(a), abs(d)) <= UPRIGHT * max(abs(b), abs(c))

    @property
    def turn(self) -> Image.Transpose | None:
        """How to turn stored pixels upright; None when there is nothing to turn, or no quarter turn fits."""
        a, b, c, d, _, _ = self.matrix
        if not self.upright:
            return None
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return _TURNS.get(("straight", a >= 0, d >= 0))
        return _TURNS.get(("sideways", b >= 0, c >= 0))

    @cached_property
    def tile(self) -> Tile:
        """Its tile on the page: the box around its four corners."""
        a, b, c, d, e, f = self.matrix
        xs, ys = (e, e + a, e + c, e + a + c), (f, f + b, f + d, f + b + d)
        width, height = self.size
        if abs(a) + abs(d) < abs(b) + abs(c):
            width, height = height, width
        # Slanted images are never strips of another one: their ink is unique, so that they are not joined.
        ink = (self.colour,) if self.upright else (id(self),)
        return Tile(min(xs), min(ys), max(xs), max(ys), width, height, ink)


def around(tiles: list[Tile]) -> Box:
    """The box around tiles: x, y, width, height in points."""
    left, top = min(tile.left for tile in tiles), min(tile.top for tile in tiles)
    right, bottom = max(tile.right for tile in tiles), max(tile.bottom for tile in tiles)
    return round(left, 2), round(top, 2), round(right - left, 2), round(bottom - top, 2)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a page draws: its images in drawing order (`stopped`: at DRAWS_PER_PAGE), and the numbers of masks, paths and meshes."""

    draws: list[Draw]
    stopped: bool
    masks: int
    paths: int
    meshes: int


class _ImageRecorder(mupdf.FzDevice2):  # type: ignore[misc]
    """Records the image calls of a page. The methods do nothing else, because exceptions must not cross MuPDF's frames."""

    def __init__(self, cookie: Any) -> None:
        super().__init__()
        self.use_virtual_fill_image()
        self.use_virtual_fill_image_mask()
        self.use_virtual_clip_image_mask()
        self.use_virtual_fill_path()
        self.use_virtual_fill_shade()
        self.masks = self.paths = self.meshes = 0
        self.draws: list[Draw] = []
        self.stopped = False
        self._cookie = cookie

    def fill_image(self, _ctx: Any, image: Any, ctm: Any, _alpha: float, _params: Any) -> None:
        self._add(image, ctm, None)

    def fill_image_mask(self, _ctx: Any, image: Any, ctm: Any, colorspace: Any, color: Any, _alpha: float, _params: Any) -> None:
        self._add(image, ctm, _rgb(colorspace, color))

    def clip_image_mask(self, *_: Any) -> None:
        self.masks += 1

    def fill_path(self, *_: Any) -> None:
        self.paths += 1

    def fill_shade(self, _ctx: Any, shade: Any, *_: Any) -> None:
        self.meshes += shade.type in MESHES

    def _add(self, image: Any, ctm: Any, colour: tuple[int, int, int] | None) -> None:
        if len(self.draws) >= DRAWS_PER_PAGE:
            self.stopped = True
            self._cookie.m_internal.abort = 1
            return
        kept = mupdf.FzImage(mupdf.ll_fz_keep_image(image))
        self.draws.append(Draw(kept, (ctm.a, ctm.b, ctm.c, ctm.d, ctm.e, ctm.f), colour))


def draws_of(page: Any) -> Drawn:
    """What a pymupdf page draws, up to DRAWS_PER_PAGE images."""
    cookie = mupdf.FzCookie()
    device = _ImageRecorder(cookie)
    try:
        mupdf.fz_run_page(mupdf.FzPage(page.this), device, mupdf.FzMatrix(), cookie)
    finally:
        mupdf.fz_close_device(device)
    return Drawn(device.draws, device.stopped, device.masks, device.paths, device.meshes)


def _rgb(colorspace: Any, color: Any) -> tuple[int, int, int]:
    """A fill colour as RGB; black when it cannot be converted, as nearly all stencils are black."""
    try:
        space = mupdf.FzColorspace(mupdf.ll_fz_keep_colorspace(colorspace))
        rgb = mupdf.fz_convert_color(space, color, mupdf.fz_device_rgb(), mupdf.FzColorspace(), mupdf.FzColorParams())
        red, green, blue = (max(0, min(255, round(value * 255))) for value in rgb[:3])
    except Exception:  # whatever MuPDF's bindings raise for an odd colour space
        return 0, 0, 0
    return red, green, blue

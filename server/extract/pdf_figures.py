"""Finds and renders the parts of a PDF page that show an image without an image object.

These are stencils filled with a pattern, large glyphs of Type 3 fonts, and drawings of thousands of paths or of a mesh of colours.
Only pages that draw one of these are searched. Glyphs, paths and meshes count if they look like a photograph or scan; charts,
letters and colour gradients do not. Runs in the PDF child.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pymupdf
from PIL import Image, ImageFilter
from pymupdf import mupdf

from server.contract.records import Box
from server.extract.pdf_draws import MESHES, Drawn

# Least number of paths of an image drawn by paths: an image of 60 x 60 pixels has 3,600, tables and logos have fewer than this.
MIN_PATHS = 1000
# On a page with this many bytes of compressed content, fewer paths are enough: one path for each grey may have thousands of pieces.
LONG_CONTENT, MIN_LONG_PATHS = 50_000, 16
# Paths that are read of one page; each takes 10 us.
MAX_PATHS = 100_000
# Points: a smaller glyph is a letter, a smaller figure an ornament.
MIN_SIDE = 64.0
# Regions rendered on one page, each in 10 to 100 ms.
MAX_REGIONS = 20
# Points: the grid on which paths that lie close together are joined.
CELL = 8.0
# Share of the page above which a path is a background or a frame, and is ignored.
BACKGROUND = 0.3
# Pixels of the long side of a rendered region: scans that are drawn as paths are small.
REGION_SIDE = 640
# An image has at least this many of 64 grey levels, and none of them covers more than this share of it.
MIN_LEVELS, MAX_ONE_LEVEL = 16, 0.8
# Shrunk to DETAIL_SIDE pixels, an image differs from a copy blurred over BLUR pixels by at least MIN_DETAIL of 255 greys on
# average. The lowest of 400 labelled images was 3.9; a gradient reaches 0.8.
DETAIL_SIDE, BLUR, MIN_DETAIL = 96, 4, 1.8
# Least number of changes between black and white in a row of a halftone, on average: a letter has 2 to 6.
MIN_CHANGES = 6.0
# Share of a region that an image must cover for the region not to be rendered.
COVERED = 0.5

_set_aa: Callable[[int], None] = pymupdf.TOOLS.set_aa_level
_Edges = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the page to be rendered: its edges in points, and its size in pixels if the file states one."""

    edges: _Edges
    size: tuple[int, int] | None = None

    @property
    def box(self) -> Box:
        left, top, right, bottom = self.edges
        return round(left, 2), round(top, 2), round(right - left, 2), round(bottom - top, 2)


class _FigureRecorder(mupdf.FzDevice2):  # type: ignore[misc]
    """Records filled stencils, Type 3 glyphs, paths and meshes of a page. Exceptions must not cross MuPDF's frames."""

    def __init__(self, page: Any) -> None:
        super().__init__()
        for name in ("fill_text", "fill_path", "stroke_path", "fill_shade", "fill_image", "clip_image_mask", "clip_path"):
            getattr(self, f"use_virtual_{name}")()
        for name in ("clip_stroke_path", "clip_text", "clip_stroke_text", "end_mask", "pop_clip"):
            getattr(self, f"use_virtual_{name}")()
        self._clips: list[tuple[_Edges, int | None]] = [(tuple(page.rect), None)]
        self._images = 0
        self.stencils: list[tuple[_Edges, tuple[int, int], tuple[float, ...]]] = []
        self.masks: set[int] = set()  # stencils that are the soft mask of an image
        self.inside: dict[int, int] = {}  # from the number of an image's draw to the stencil that it fills
        self.glyphs: list[_Edges] = []
        self.paths: list[_Edges] = []
        self.meshes: list[_Edges] = []

    def _clip(self, rect: Any, stencil: int | None = None) -> None:
        self._clips.append((self._shown(rect), stencil))

    def _shown(self, rect: Any) -> _Edges:
        left, top, right, bottom = self._clips[-1][0]
        return max(left, rect.x0), max(top, rect.y0), min(right, rect.x1), min(bottom, rect.y1)

    def pop_clip(self, *_: Any) -> None:
        if len(self._clips) > 1:
            self._clips.pop()

    def clip_image_mask(self, _ctx: Any, image: Any, ctm: Any, _scissor: Any) -> None:
        a, b, c, d, e, f = matrix = (ctm.a, ctm.b, ctm.c, ctm.d, ctm.e, ctm.f)
        xs, ys = (e, e + a, e + c, e + a + c), (f, f + b, f + d, f + b + d)
        inner = mupdf.FzImage(mupdf.ll_fz_keep_image(image))
        self._clip(mupdf.FzRect(min(xs), min(ys), max(xs), max(ys)), len(self.stencils))
        size = (inner.w(), inner.h()) if abs(a) + abs(d) >= abs(b) + abs(c) else (inner.h(), inner.w())
        self.stencils.append((self._clips[-1][0], size, matrix))

    def clip_path(self, _ctx: Any, path: Any, _even_odd: int, ctm: Any, _scissor: Any) -> None:
        self._clip(mupdf.ll_fz_bound_path(path, None, ctm))

    def clip_stroke_path(self, _ctx: Any, path: Any, stroke: Any, ctm: Any, _scissor: Any) -> None:
        self._clip(mupdf.ll_fz_bound_path(path, stroke, ctm))

    def clip_text(self, *_: Any) -> None:
        self._clips.append((self._clips[-1][0], None))

    clip_stroke_text = end_mask = clip_text

    def fill_image(self, _ctx: Any, image: Any, ctm: Any, *_: Any) -> None:
        number, self._images = self._images, self._images + 1
        stencil = next((one for _, one in reversed(self._clips) if one is not None), None)
        if stencil is None:
            return
        masked = mupdf.FzImage(mupdf.ll_fz_keep_image(image)).mask().m_internal is not None
        if masked and self.stencils[stencil][2] == (ctm.a, ctm.b, ctm.c, ctm.d, ctm.e, ctm.f):
            self.masks.add(stencil)
        else:
            self.inside[number] = stencil

    def fill_text(self, _ctx: Any, text: Any, ctm: Any, *_: Any) -> None:
        if text.head is not None and mupdf.ll_fz_font_t3_procs(text.head.font) is not None:
            self.glyphs.append(self._shown(mupdf.ll_fz_bound_text(text, None, ctm)))

    def fill_path(self, _ctx: Any, path: Any, _even_odd: int, ctm: Any, *_: Any) -> None:
        if len(self.paths) < MAX_PATHS:
            self.paths.append(self._shown(mupdf.ll_fz_bound_path(path, None, ctm)))

    def stroke_path(self, _ctx: Any, path: Any, stroke: Any, ctm: Any, *_: Any) -> None:
        if len(self.paths) < MAX_PATHS:
            self.paths.append(self._shown(mupdf.ll_fz_bound_path(path, stroke, ctm)))

    def fill_shade(self, _ctx: Any, shade: Any, ctm: Any, *_: Any) -> None:
        if shade.type in MESHES and len(self.meshes) < MAX_PATHS:
            self.meshes.append(self._shown(mupdf.ll_fz_bound_shade(shade, ctm)))


def figures_of(page: Any, drawn: Drawn) -> tuple[list[Region], set[int]]:
    """The regions of a pymupdf page to render, and the numbers of the image draws that only fill one of them."""
    long = sum(len(page.parent.xref_stream_raw(xref) or b"") for xref in page.get_contents()) >= LONG_CONTENT
    least = MIN_LONG_PATHS if long else MIN_PATHS
    masked = sum(draw.image.mask().m_internal is not None for draw in drawn.draws)
    glyphs = any(font[2] == "Type3" for font in page.get_fonts())
    if not (drawn.masks > masked or glyphs or drawn.meshes or drawn.paths >= least):
        return [], set()
    recorder = _FigureRecorder(page)
    try:
        mupdf.fz_run_page(mupdf.FzPage(page.this), recorder, mupdf.FzMatrix(), mupdf.FzCookie())
    finally:
        mupdf.fz_close_device(recorder)
    filled = [one for number, one in enumerate(recorder.stencils) if number not in recorder.masks]
    stencils = [Region(edges, size) for edges, size, _ in filled if _large(edges, 1)]
    inside = {number for number, stencil in recorder.inside.items() if stencil not in recorder.masks}
    images = [draw.tile for number, draw in enumerate(drawn.draws) if number not in inside]
    drawings = [*recorder.glyphs, *_joined(recorder.paths, tuple(page.rect), least), *_joined(recorder.meshes, tuple(page.rect), 1)]
    shown = [(tile.left, tile.top, tile.right, tile.bottom) for tile in images]
    shown += [region.edges for region in stencils]
    found = [Region(edges) for edges in drawings if _large(edges, MIN_SIDE) and not any(_covers(one, edges) for one in shown)]
    return [*stencils, *found], inside


def render(page: Any, region: Region) -> Image.Image | None:
    """The region as the page shows it, at its own size or REGION_SIDE; None if it does not look like an image."""
    left, top, right, bottom = region.edges
    wide, high = region.size or (0, 0)
    zoom = max(wide / (right - left), high / (bottom - top)) if region.size else REGION_SIDE / max(right - left, bottom - top)
    zoom = min(zoom, REGION_SIDE * 4 / max(right - left, bottom - top))
    _set_aa(0 if region.size is None else 8)  # anti-aliased, paths side by side would show seams
    try:
        pixmap = page.get_pixmap(matrix=(zoom, 0, 0, zoom, 0, 0), clip=region.edges, alpha=False)
    finally:
        _set_aa(8)
    image = Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)
    if region.size is not None:
        return image if image.size == region.size else image.resize(region.size)
    return image if looks_like_picture(np.asarray(image.convert("L"))) else None


def looks_like_picture(grey: npt.NDArray[np.uint8]) -> bool:
    """Whether grey pixels (rows, columns) have many tones and detail, or alternate between black and white as a halftone does."""
    levels = np.bincount(grey.ravel() >> 2, minlength=64) / grey.size
    if (levels > 0.001).sum() >= MIN_LEVELS:
        small = Image.fromarray(grey)
        small.thumbnail((DETAIL_SIDE, DETAIL_SIDE), Image.Resampling.BOX)
        smooth = np.asarray(small.filter(ImageFilter.BoxBlur(BLUR)), dtype=np.float32)
        detail = np.abs(np.asarray(small, dtype=np.float32) - smooth).mean()
        return bool(levels.max() <= MAX_ONE_LEVEL and detail >= MIN_DETAIL)
    black = grey < 128
    changes = (black[:, 1:] != black[:, :-1]).sum(axis=1).mean()
    return bool(changes >= MIN_CHANGES and 0.2 <= black.mean() <= 0.95)


def _large(edges: _Edges, least: float) -> bool:
    return edges[2] - edges[0] >= least and edges[3] - edges[1] >= least


def _covers(one: _Edges, other: _Edges) -> bool:
    wide, high = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    return wide > 0 and high > 0 and wide * high >= COVERED * (other[2] - other[0]) * (other[3] - other[1])


def _joined(boxes: Sequence[_Edges], page: _Edges, least: int) -> Iterator[_Edges]:
    """The boxes around groups of at least `least` boxes that touch each other on a grid of CELL points."""
    if len(boxes) < least:
        return
    edges = np.array(boxes, dtype=np.float64)
    area = (page[2] - page[0]) * (page[3] - page[1])
    size = np.clip(edges[:, 2:] - edges[:, :2], 0, None)
    edges = edges[(size.prod(axis=1) < BACKGROUND * area) & (edges[:, 2:] >= edges[:, :2]).all(axis=1)] if least > 1 else edges
    cells = np.clip(np.floor((edges - np.array([page[0], page[1]] * 2)) / CELL), 0, 4000).astype(int)
    grid = np.zeros((int(cells[:, 3].max(initial=0)) + 2, int(cells[:, 2].max(initial=0)) + 2), dtype=bool)
    for left, top, right, bottom in cells:
        grid[top : bottom + 1, left : right + 1] = True
    heaps = _heaps(grid)
    of_box = heaps[cells[:, 1], cells[:, 0]]
    for heap in np.unique(of_box):
        within = edges[of_box == heap]
        if len(within) >= least:
            low, high = within[:, :2].min(axis=0), within[:, 2:].max(axis=0)
            yield float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _heaps(grid: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The number of the connected part that each cell of a grid belongs to, from 1; 0 for empty cells."""
    numbers = np.zeros(grid.shape, dtype=np.int64)
    count = 0
    for start in map(tuple, np.argwhere(grid)):
        if numbers[start]:
            continue
        count += 1
        numbers[start] = count
        open_cells = [start]
        while open_cells:
            row, column = open_cells.pop()
            for near in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if 0 <= near[0] < grid.shape[0] and 0 <= near[1] < grid.shape[1] and grid[near] and not numbers[near]:
                    numbers[near] = count
                    open_cells.append(near)
    return numbers

"""Splits a compound figure into its panels: scans beside charts, rows of slices, grids, mixed sizes, nested.

A recursive cut with evidence (cutting.py): gutters of one colour where a dense, textured rectangle with straight edges lies beside
them, seams where two images meet, slices that repeat on black. A single block is no figure: the result is then empty. Guillotine
layouts only; insets stay with their panel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from server.contract.records import Box
from server.imaging.decode import Raster
from server.panels.content import is_drawing
from server.panels.cutting import Block, Cutter
from server.panels.gutters import Grey

# Pixels of the working copy: the members read 192 to 256 a side, and smaller panels cannot be judged.
MIN_SIDE = 26
# Of the figure's long side, and of its area: smaller ones are logos, colour bars, labels.
MIN_SIDE_SHARE = 0.06
MIN_AREA_SHARE = 0.008
# Long side to short side: longer are colour bars, rulers, banners.
MAX_ASPECT = 6.0
# Each panel costs a pass of the network; the largest are kept.
MAX_PANELS = 36
# Of the figure's area without its margins that images fill: a page of text with two photos is a document.
IMAGES_SHARE = 0.3
# Of the largest image's area that a drawing beside a lone image must have: less is a legend or a logo.
DRAWING_SHARE = 0.25


def split_panels(raster: Raster) -> Sequence[Box]:
    """Boxes (x, y, w, h) of the panels in pixels of the original, in reading order; none for a single image."""
    grey = np.asarray(raster.image.convert("L"))
    across, down = raster.width / grey.shape[1], raster.height / grey.shape[0]
    return [(b.left * across, b.top * down, b.width * across, b.height * down) for b in find_panels(grey)]


def find_panels(grey: Grey) -> list[Block]:
    """The panels of a grey figure [h, w], or an empty list when it is one image."""
    min_side = max(MIN_SIDE, round(MIN_SIDE_SHARE * max(grey.shape)))
    if min(grey.shape) < min_side or max(grey.shape) < 2 * min_side:
        return []
    cutter = Cutter(grey, min_side)
    whole = cutter.whole()
    if min(whole.height, whole.width) < min_side:
        return []
    large = [b for b in cutter.cut(whole) if _large_enough(b, min_side, whole)]
    images = [block for block in large if block.image]
    if not images or sum(block.area for block in images) < IMAGES_SHARE * whole.area:
        return []
    least = DRAWING_SHARE * max(block.area for block in images)
    drawings = [
        b
        for b in large
        if not b.image and b.area >= least and is_drawing(cutter.pixels(b), b.ground if b.ground is not None else 255)
    ]
    panels = sorted(images + drawings, key=lambda block: -block.area)[:MAX_PANELS]
    return sorted(panels, key=lambda block: (block.top, block.left)) if len(panels) > 1 else []


def _large_enough(block: Block, min_side: int, whole: Block) -> bool:
    short, long = sorted((block.height, block.width))
    return short >= min_side and long <= MAX_ASPECT * short and block.area >= MIN_AREA_SHARE * whole.area

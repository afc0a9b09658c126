"""Decides what a block of a figure is: an image (a dense, textured rectangle), a drawing such as a chart, or neither (text,
labels).

Judges one block at a time from its pixels and the colour around it.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from server.panels.gutters import Grey, near

# Of an image's pixels that differ from the gutter's colour; an object on a white ground has fewer, a scan on white lungs as many.
DENSE = 0.5
# Of a side's pixels that differ from the gutter just inside it: what makes it an edge. Parts of a scan are as dark as its gutter.
EDGE = 0.5
# The same, for the mean of the sides that face a gutter.
EDGES = 0.72
# Lines inside a side that are searched for the edge: blur and JPEG smear it over two or three.
EDGE_DEPTH = 3
# Grey levels by which an edge stands out within that depth; a smooth shade does not.
EDGE_TOLERANCE = 22
# Bits of the grey histogram (64 bins) without its fullest bin. Bars, boxes and logos have two, skin three, photos five.
TEXTURE = 2.8
# Of neighbours that are neither black nor white: as many are exactly alike in windows, charts and logos, not in what a sensor saw.
STILL = 0.6
# Of a textured block's pixels that may have one grey, give or take one level: a scan's ground is black, or white on lungs
# and slides; paper, tables and windows of any other colour are flat, where skin and sky spread over a dozen levels.
FLAT_BLACK, FLAT_WHITE, FLAT = 0.78, 0.5, 0.3
BLACK, WHITE = 24, 240
# Rows and columns of a block whose pixels are counted.
LOOKED_AT = 96
# Of a block's pixels that differ from the ground when its neighbour in the same cut is an image: a hand on black has a quarter.
SPARSE = 0.2
# Grey levels by which a stroke stands out from the paper; the noise of a dark scan does not.
STROKE_TOLERANCE = 48
# Of a drawing's width and height that its largest connected stroke spans: axes do, words do not.
STROKE = 0.4
# Of a drawing's pixels that are ink: below lies a lone line, above a plain box.
INK = (0.01, 0.9)
# The longest side (pixels) at which strokes are traced.
TRACED_SIDE = 256


Sides: TypeAlias = tuple[bool, bool, bool, bool]


def textured(block: Grey) -> bool:
    """Whether the grey levels are those of an image and not of a drawing, a table or a flat ground."""
    rows, share = _histogram(block)
    if _flat(share) or _still(rows) > STILL:
        return False
    rest = np.delete(share.reshape(64, 4).sum(1), int(share.argmax()) // 4)
    rest = rest[rest > 0] / max(rest.sum(), 1e-9)
    return bool(-(rest * np.log2(rest)).sum() >= TEXTURE)


def _histogram(block: Grey) -> tuple[Grey, NDArray[np.float64]]:
    """Some of the rows, and the share [256] of each grey in them."""
    rows = np.ascontiguousarray(block[:: max(1, block.shape[0] // LOOKED_AT)])
    counts = np.bincount(rows.ravel()[:: max(1, block.shape[1] // LOOKED_AT)], minlength=256)
    return rows, counts / counts.sum()


def _flat(share: NDArray[np.float64]) -> bool:
    fullest = int(share.argmax())
    limit = FLAT_BLACK if fullest < BLACK else FLAT_WHITE if fullest >= WHITE else FLAT
    return bool(share[max(0, fullest - 1) : fullest + 2].sum() > limit)


def _still(rows: Grey) -> float:
    after, before = rows[:, 1:], rows[:, :-1]
    grey = (after >= BLACK) & (after < WHITE)
    return int(np.count_nonzero(grey & (after == before))) / max(1, int(np.count_nonzero(grey)))


def is_image(block: Grey, ground: int, facing: Sides) -> bool:
    """Whether a block on `ground` is a dense, textured rectangle. `facing`: which sides (top, bottom, left, right) meet ground."""
    return bool((~near(block, ground)).mean() >= DENSE) and textured(block) and _has_edges(block, ground, facing)


def passes_beside_image(block: Grey, ground: int, facing: Sides) -> bool:
    """Whether a block beside an image in the same cut is an image too: its edges may be as dark as its ground, or its texture
    faint."""
    content = ~near(block, ground)
    if textured(block):
        return bool(content.mean() >= SPARSE)
    return not _flat(_histogram(block)[1]) and bool(content.mean() >= DENSE) and _has_edges(block, ground, facing)


def is_drawing(block: Grey, ground: int) -> bool:
    """Whether a block on `ground` holds a chart or a drawing: strokes that span much of it, unlike words."""
    step = max(1, -(-max(block.shape) // TRACED_SIDE))
    ink = ~near(block, ground, STROKE_TOLERANCE)
    height, width = (side // step * step for side in ink.shape)
    small = ink[:height, :width].reshape(height // step, step, width // step, step).any(axis=(1, 3))
    if small.size == 0 or not INK[0] <= small.mean() <= INK[1]:
        return False
    labels, _ = ndimage.label(small, np.ones((3, 3)))
    spans = [
        ((rows.stop - rows.start) / small.shape[0], (cols.stop - cols.start) / small.shape[1])
        for rows, cols in ndimage.find_objects(labels)
    ]
    return any(down >= STROKE and across >= STROKE for down, across in spans)


def _has_edges(block: Grey, ground: int, facing: Sides) -> bool:
    edges = [edge for edge, faces in zip(_edges(~near(block, ground, EDGE_TOLERANCE)), facing, strict=True) if faces]
    return not edges or (min(edges) >= EDGE and sum(edges) / len(edges) >= EDGES)


def _edges(content: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    depth = min(EDGE_DEPTH, *content.shape)
    down, across = content[:depth].mean(1), content[-depth:].mean(1)
    left, right = content[:, :depth].mean(0), content[:, -depth:].mean(0)
    return float(down.max()), float(across.max()), float(left.max()), float(right.max())

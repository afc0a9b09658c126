"""Rows and grids of slices on one dark ground, without a visible edge between them, found because they repeat.

A pair of lungs, kidneys or knees has too few repeats to count.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from server.panels.gutters import Grey, Run, near

# Grey: slices lie on black or nearly; repeats on white are icons, plots and letters.
DARK = 48
# Two of anything may be a pair of organs.
MIN_REPEATS = 3
# Of the pitch: how far a slice's centre may lie from the even grid.
CENTRE_DRIFT = 0.12
# Smallest to largest side: slices shrink towards the vertex.
ALIKE_SIDE = 0.5
# Mean correlation of neighbours at this many pixels a side.
ALIKE = 0.45
ALIKE_PIXELS = 24


def even(starts: list[int], stops: list[int]) -> bool:
    """Whether intervals lie on an even pitch and are of like size."""
    centres = np.array([(a + b) / 2 for a, b in zip(starts, stops, strict=True)])
    sizes = np.array([b - a for a, b in zip(starts, stops, strict=True)])
    if sizes.min() < ALIKE_SIDE * sizes.max():
        return False
    if len(centres) < 3:
        return True
    pitch = (centres[-1] - centres[0]) / (len(centres) - 1)
    return bool(np.abs(centres - (centres[0] + pitch * np.arange(len(centres)))).max() <= CENTRE_DRIFT * pitch)


def bands(found: list[Run], length: int, ground: int, thinnest: int) -> list[tuple[int, int]]:
    """What lies between the runs of colour `ground`, but for what is thinner than `thinnest` (labels)."""
    edges = [0]
    for run in found:
        if abs(run.colour - ground) <= DARK // 4:
            edges += [run.start, run.stop]
    edges.append(length)
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= thinnest]


def slices(grey: Grey, rows: list[tuple[int, int]], cols: list[tuple[int, int]], ground: int) -> list[tuple[int, int, int, int]]:
    """Boxes (top, bottom, left, right) of repeats on `ground`, given the bands of rows and columns that hold something; or none."""
    if ground > DARK or len(rows) * len(cols) < MIN_REPEATS:
        return []
    if not even(*map(list, zip(*rows, strict=True))) or not even(*map(list, zip(*cols, strict=True))):
        return []
    boxes = [(top, bottom, left, right) for top, bottom in rows for left, right in cols]
    filled = [box for box in boxes if (~near(grey[box[0] : box[1], box[2] : box[3]], ground)).mean() >= 0.25]
    if len(filled) < max(MIN_REPEATS, 0.7 * len(boxes)):
        return []
    small = [_small(grey[top:bottom, left:right]) for top, bottom, left, right in filled]
    alike = np.mean([_correlation(a, b) for a, b in pairwise(small)])
    return filled if alike >= ALIKE else []


def _small(block: Grey) -> NDArray[np.float32]:
    rows = np.linspace(0, block.shape[0] - 1, ALIKE_PIXELS).astype(np.intp)
    cols = np.linspace(0, block.shape[1] - 1, ALIKE_PIXELS).astype(np.intp)
    return block[np.ix_(rows, cols)].astype(np.float32)


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    x, y = a - a.mean(), b - b.mean()
    return float((x * y).sum() / max(float(np.sqrt((x * x).sum() * (y * y).sum())), 1e-6))

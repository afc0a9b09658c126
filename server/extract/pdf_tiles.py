"""Which images drawn on one PDF page are strips or tiles of one picture: geometry alone, no PDF, no pixels.

Scanner and office software cuts a picture into blocks drawn edge to edge at one scale. Two blocks belong together when they share
a whole edge and have the same scale; a picture is what hangs together this way. Two pictures put edge to edge are one to the eye,
too, and come out as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# Source pixels by which edges may miss each other: writers round each block's place by itself, some let blocks overlap by a pixel.
TOUCHING_PX = 1.5
# Share by which two scales may differ; a strip of few rows has a height rounded to whole pixels, so one pixel is forgiven.
SAME_SCALE = 0.05


@dataclass(frozen=True, slots=True)
class Tile:
    """One block as shown: edges in points from the page's top left corner, size in pixels as turned on the page.

    `ink`: what blocks must have in common to be one picture (images go with images, stencils with stencils of their colour).
    """

    left: float
    top: float
    right: float
    bottom: float
    width: int
    height: int
    ink: tuple[Any, ...] = ()


def join(tiles: Sequence[Tile]) -> list[list[int]]:
    """Group the indices of `tiles` into pictures, in drawing order of their first block. Blocks without area stay alone."""
    if len(tiles) < 2:
        return [[index] for index in range(len(tiles))]
    groups = list(range(len(tiles)))

    def root(index: int) -> int:
        while groups[index] != index:
            groups[index] = groups[groups[index]]
            index = groups[index]
        return index

    for first, second in _neighbours(tiles):
        if tiles[first].ink == tiles[second].ink:
            low, high = sorted((root(first), root(second)))
            groups[high] = low
    pictures: dict[int, list[int]] = {}
    for index in range(len(tiles)):
        pictures.setdefault(root(index), []).append(index)
    return list(pictures.values())


def _neighbours(tiles: Sequence[Tile]) -> list[tuple[int, int]]:
    """Pairs that share a whole edge at one scale: the first is left of or above the second."""
    box = np.array([(tile.left, tile.top, tile.right, tile.bottom) for tile in tiles], dtype=np.float64)
    pixels = np.array([(tile.width, tile.height) for tile in tiles], dtype=np.float64)
    points = box[:, 2:] - box[:, :2]
    solid = np.asarray((points > 0).all(axis=1) & np.isfinite(box).all(axis=1))
    scale = pixels / np.where(solid[:, None], points, 1.0)  # pixels a point, (n, 2)
    slack = TOUCHING_PX / np.maximum(scale, np.finfo(np.float64).tiny)
    pairs: list[tuple[int, int]] = []
    for first in map(int, np.flatnonzero(solid)):
        # The scale of a thin strip is known only roughly along its thin side, so it is enough that one fits the other's.
        fits = _fits(points[first], scale, pixels[first]) | _fits(points, scale[first], pixels)
        same = solid & np.asarray(fits).all(axis=1)
        near = np.maximum(slack, slack[first])
        for along, across in ((0, 1), (1, 0)):
            touches = np.abs(box[:, along] - box[first, along + 2]) <= near[:, along]
            off = np.abs(box[:, [across, across + 2]] - box[first, [across, across + 2]])
            level = np.asarray(off <= near[:, [across]]).all(axis=1)
            pairs += [(first, int(other)) for other in np.flatnonzero(same & touches & level) if other != first]
    return pairs


def _fits(
    points: npt.NDArray[np.float64], scale: npt.NDArray[np.float64], pixels: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    off = np.abs(points * scale - pixels)
    return np.asarray(off <= np.maximum(1.0, SAME_SCALE * pixels))

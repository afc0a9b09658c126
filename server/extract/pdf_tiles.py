"""Groups the tiles on one PDF page that together make one image, by their geometry.

Scanner and office software cuts an image into tiles or strips, drawn edge to edge at one scale. Two tiles belong together if they
share a whole edge and have the same scale. Two images that are placed edge to edge look like one image, and are grouped as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from server.extract.connected import connected

# Source pixels by which two edges may differ: software rounds the position of each tile separately, or overlaps tiles by a pixel.
TOUCHING_PX = 1.5
# Share by which two scales may differ. The height of a thin strip is rounded to whole pixels, so one pixel is allowed as well.
SAME_SCALE = 0.05


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: edges in points from the page's top left corner, size in pixels as turned on the page.

    `ink`: equal for tiles that may form one image (images with images, stencils with stencils of the same colour).
    """

    left: float
    top: float
    right: float
    bottom: float
    width: int
    height: int
    ink: tuple[Any, ...] = ()


def join(tiles: Sequence[Tile]) -> list[list[int]]:
    """Group the indices of `tiles` by image, in drawing order of the first tile. Tiles without area are groups of their own."""
    if len(tiles) < 2:
        return [[index] for index in range(len(tiles))]
    same_ink = ((first, second) for first, second in _neighbours(tiles) if tiles[first].ink == tiles[second].ink)
    return connected(len(tiles), same_ink)


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
        # Along its thin side the scale of a strip is only known roughly, so it is enough if the scale of one tile fits the other.
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

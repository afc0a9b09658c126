"""The CNN's heat map: a class-activation map (cam.py) drawn over the image, as a PNG.

It explains the CNN alone, not the other members, and is no guide for a radiologist.
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.classify.cam import ActivationMap, is_exact, open_map
from server.contract.errors import ModelError
from server.contract.extras import naming_extras
from server.contract.modalities import Modality
from server.imaging.decode import to_png
from server.models.calibration import Floats
from server.models.preprocess import RESIZE_OVER_CROP, Preprocess

# viridis at nine even steps: its lightness rises evenly, so equal steps of heat look equal, in grey and to the colour-blind too.
VIRIDIS = (
    (68, 1, 84), (71, 45, 123), (59, 82, 139), (44, 114, 142), (33, 145, 140), (40, 174, 128), (94, 201, 98), (173, 220, 48),
    (253, 231, 37),
)  # fmt: skip
# Opacity of the colour at the lowest and highest heat: anatomy must stay legible under it.
VEIL = (0.30, 0.65)


class Explainer:
    """Maps for one checkpoint, loaded at the first map. A lock serialises threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.Lock()
        self._map: ActivationMap | None = None

    def warm(self) -> None:
        """Load the checkpoint in advance, unless that needs torch. Raises WeightsMissing or ModelError."""
        with self._turn:
            if is_exact(self._path):
                self._opened()

    def close(self) -> None:
        """Release the checkpoint once it is not in use; the next map loads it again."""
        with self._turn:
            self._map = None

    def overlay(self, image: Image.Image, modality: Modality | None = None) -> bytes:
        """PNG of `image`, in its own size, under the heat map of `modality` (default: the CNN's favourite)."""
        return to_png(paint(image, self.heat(image, modality)))

    def heat(self, image: Image.Image, modality: Modality | None = None) -> Floats:
        """float32 [height, width] in 0..1 over `image`; all zero where no cell speaks for `modality`. Raises ModelError."""
        with self._turn:
            opened = self._opened()
            classes = opened.card.classes
            if modality is not None and modality not in classes:
                raise ModelError(f"this CNN knows {', '.join(classes)}, not {modality}")
            grid = opened.grid(image, modality)
        return _over(image.size, grid, opened.card.preprocess)

    def _opened(self) -> ActivationMap:
        if self._map is None:
            with naming_extras():
                self._map = open_map(self._path)
        return self._map


def paint(image: Image.Image, heat: Floats) -> Image.Image:
    """RGB: `image` in grey, under a veil coloured by `heat` [height, width] in 0..1 that thickens with it."""
    grey = np.asarray(image.convert("L"), np.float32)[..., None]
    thickness = (VEIL[0] + (VEIL[1] - VEIL[0]) * heat)[..., None]
    return Image.fromarray(np.asarray(np.rint(grey * (1 - thickness) + colours(heat) * thickness), np.uint8))


def colours(heat: Floats) -> NDArray[np.float32]:
    """Heat in 0..1, of any shape, to viridis RGB in 0..255."""
    steps = np.linspace(0, 1, len(VIRIDIS))
    channels = [np.interp(heat, steps, [colour[channel] for colour in VIRIDIS]) for channel in range(3)]
    return np.asarray(np.stack(channels, axis=-1), np.float32)


def _over(size: tuple[int, int], grid: Floats, spec: Preprocess) -> Floats:
    """The network's coarse grid, resized to the image; areas outside the network's input are 0."""
    heat = Image.fromarray(grid / grid.max() if grid.max() > 0 else grid)
    width, height = size
    side = {"letterbox": max(size), "crop": round(min(size) / RESIZE_OVER_CROP)}.get(spec.mode)
    if side is None:
        laid = heat.resize(size, Image.Resampling.BICUBIC)
    else:
        laid = Image.new("F", size)
        laid.paste(heat.resize((side, side), Image.Resampling.BICUBIC), ((width - side) // 2, (height - side) // 2))
    return np.clip(np.asarray(laid, np.float32), 0, 1)

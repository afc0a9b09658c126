"""From a decoded image to the array a network reads. One geometry for training's evaluation and for serving.

The whole image is kept (a scan's borders and a chart's axes are evidence), brought to a square. `docs/experiments.md` has the
measurement behind the mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Mode: TypeAlias = Literal["squash", "letterbox", "crop"]
Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]

REDUCING_GAP = 2.0  # Pillow first shrinks by whole steps down to twice the size asked: 3 times as fast on large images
RESIZE_OVER_CROP = 256 / 224  # the origin's recipe: resize the short side to 256, take the middle 224
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How one network wants its input. `mean` and `std` are per channel, of values in 0..1."""

    side: int = 224
    mode: Mode = "squash"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Preprocess:
        mean, std = given["mean"], given["std"]
        return cls(int(given["side"]), given["mode"], (mean[0], mean[1], mean[2]), (std[0], std[1], std[2]))


def to_square(image: Image.Image, spec: Preprocess) -> Bytes:
    """uint8 [side, side, 3] of the RGB image, geometry only."""
    side, (width, height) = spec.side, image.size
    if image.mode != "RGB":
        image = image.convert("RGB")
    if spec.mode == "squash":
        size = (side, side)
    else:
        target = side if spec.mode == "letterbox" else round(side * RESIZE_OVER_CROP)
        scale = target / (max(width, height) if spec.mode == "letterbox" else min(width, height))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if size != image.size:
        image = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=REDUCING_GAP)
    if spec.mode == "letterbox":
        canvas = Image.new("RGB", (side, side))
        canvas.paste(image, ((side - size[0]) // 2, (side - size[1]) // 2))
        image = canvas
    elif spec.mode == "crop":
        left, top = (size[0] - side) // 2, (size[1] - side) // 2
        image = image.crop((left, top, left + side, top + side))
    return np.asarray(image, dtype=np.uint8)


def normalise(squares: Bytes, spec: Preprocess) -> Floats:
    """uint8 [n, side, side, 3] -> float32 [n, 3, side, side], contiguous, as the network wants it."""
    scale = np.float32(1) / (np.asarray(spec.std, np.float32) * 255)
    shift = np.asarray(spec.mean, np.float32) / np.asarray(spec.std, np.float32)
    return np.ascontiguousarray((squares.astype(np.float32) * scale - shift).transpose(0, 3, 1, 2))


def to_batch(images: Sequence[Image.Image], spec: Preprocess) -> Floats:
    """float32 [n, 3, side, side] of n RGB images of any size. About 1 ms an image of 512 pixels."""
    if not images:
        return np.zeros((0, 3, spec.side, spec.side), np.float32)
    return normalise(np.stack([to_square(image, spec) for image in images]), spec)

"""Images drawn on the spot."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from server.imaging.decode import Raster


def chart(width: int = 640, height: int = 480) -> Image.Image:
    """A bar chart with axes: nobody's scan."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    draw.line([(width // 10, 0), (width // 10, height * 0.9), (width, height * 0.9)], fill="black", width=3)
    for number, share in enumerate((0.3, 0.7, 0.5, 0.9, 0.4)):
        left = width // 8 + number * width // 6
        foot = height * 0.9
        draw.rectangle((left, foot - share * height * 0.8, left + width // 10, foot), fill=("#1f77b4", "#ff7f0e")[number % 2])
        draw.text((left, height * 0.92), f"group {number}", fill="black")
    return image


def noise(seed: int = 0, width: int = 200, height: int = 160) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def raster_of(image: Image.Image, scale: int = 1) -> Raster:
    """`image` as the working copy of an original `scale` times as large."""
    return Raster("png", image.width * scale, image.height * scale, image)

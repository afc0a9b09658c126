"""A picture whose corners tell which way up it is and which colours it has, encoded, and looked at again."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image


def drawn(width: int = 200, height: int = 160) -> Image.Image:
    """Reddish left, greenish right, blue in the top left corner."""
    rows, columns = np.mgrid[0:height, 0:width]
    shade = 130 + 50 * np.sin(rows / 9) * np.cos(columns / 7)
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    picture[..., 0] = np.where(columns < width // 2, shade, 30)
    picture[..., 1] = np.where(columns < width // 2, 30, shade)
    picture[: height // 4, : width // 4] = (10, 20, 240)
    return Image.fromarray(picture)


def encoded(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def at(image: Image.Image, x: float, y: float) -> tuple[int, int, int]:
    pixel = image.convert("RGB").getpixel((int(x * (image.width - 1)), int(y * (image.height - 1))))
    assert isinstance(pixel, tuple)
    return pixel[0], pixel[1], pixel[2]

"""Converts an image of any mode to RGB as it appears on a screen, and shrinks it: palettes, transparency, CMYK, 16 bits, floats."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops

# Brightest minus darkest value, 0..255: a transparent image with less contrast over white was drawn for a black background.
VISIBLE_CONTRAST = 16
# Percent of the values clipped at both ends of a deep (16-bit, float) image, so that single hot or dead pixels do not set the
# range.
CLIPPED_PERCENT = 0.1

# Rows and columns of a deep image that are sampled for its range.
SAMPLED_SIDE = 768

_DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_PHOTOMETRIC = 262
_WHITE_IS_ZERO = 0


def to_rgb(image: Image.Image, side: int) -> Image.Image:
    """Convert any mode to RGB, its long side at most `side` pixels."""
    if image.mode == "1":
        image = image.convert("L")  # a third of the bytes of RGB, and faxes are large
    if image.mode in _DEEP:
        return _shrink(_deep(image), side).convert("RGB")
    if image.mode == "CMYK":
        shrunk = _shrink(image, side)
        # Pillow treats every CMYK JPEG as one of Adobe's, which are stored inverted; browsers check for Adobe's marker.
        plain = image.format in ("JPEG", "MPO") and "adobe" not in image.info
        return (ImageChops.invert(shrunk) if plain else shrunk).convert("RGB")
    if image.mode == "LAB":
        return _shrink(image.getchannel(0), side).convert("RGB")
    if image.has_transparency_data:
        return _on_visible_ground(_shrink(image.convert("RGBA"), side))
    return _shrink(image if image.mode in ("L", "RGB") else image.convert("RGB"), side)


def _shrink(image: Image.Image, side: int) -> Image.Image:
    size = fitting(*image.size, side)
    image = image if size == image.size else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return image.convert("RGB") if image.mode == "L" else image


def fitting(width: int, height: int, side: int) -> tuple[int, int]:
    """Width and height shrunk so that the longer is at most `side`."""
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _deep(image: Image.Image) -> Image.Image:
    """Stretch values of more than eight bits, or floats, over 256 greys: their range is that of the scanner, not of a screen."""
    values = np.asarray(image, dtype=np.float32)
    values = np.where(np.isfinite(values), values, np.float32(0))
    sample = values[:: 1 + values.shape[0] // SAMPLED_SIDE, :: 1 + values.shape[1] // SAMPLED_SIDE]
    low, high = (float(value) for value in np.percentile(sample, (CLIPPED_PERCENT, 100 - CLIPPED_PERCENT)))
    if not high > low:
        low, high = float(sample.min()), float(sample.max())
    grey = np.clip((values - low) * (255.0 / ((high - low) or 1.0)), 0, 255).astype(np.uint8)
    tags = getattr(image, "tag_v2", {})
    return Image.fromarray(255 - grey if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else grey)


def _on_visible_ground(image: Image.Image) -> Image.Image:
    """Blend RGBA with white, as pages do, or with black if the image would be invisible on white."""
    over = [Image.alpha_composite(Image.new("RGBA", image.size, ground), image).convert("RGB") for ground in ("white", "black")]
    contrasts = [max(high - low for low, high in one.getextrema()) for one in over]  # type: ignore[misc]
    return over[1] if contrasts[0] < VISIBLE_CONTRAST < contrasts[1] else over[0]

"""Brings any mode an image may have to the RGB a person sees, shrunk: palettes, transparency, CMYK, 16 bits, floats.

Works on images that server/imaging/decode.py has opened; opens none itself and knows no file.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops

# Brightest minus darkest of 255: what is drawn on transparency and has less contrast than this over white was meant for black.
VISIBLE_CONTRAST = 16
# Percent at both ends of a deep (16-bit, float) picture that may clip: single hot or dead pixels must not squeeze the rest.
CLIPPED_PERCENT = 0.1

# Rows and columns of a deep picture from which its range is told.
SAMPLED_SIDE = 768

_DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_PHOTOMETRIC = 262
_WHITE_IS_ZERO = 0


def seen(image: Image.Image, side: int) -> Image.Image:
    """Any mode to RGB, its long side at most `side`."""
    if image.mode == "1":
        image = image.convert("L")  # a third of the bytes of RGB, and faxes are large
    if image.mode in _DEEP:
        return _shrink(_deep(image), side).convert("RGB")
    if image.mode == "CMYK":
        shrunk = _shrink(image, side)
        # Pillow takes every CMYK JPEG for one of Adobe's, which are stored inverted; browsers ask for Adobe's marker.
        plain = image.format in ("JPEG", "MPO") and "adobe" not in image.info
        return (ImageChops.invert(shrunk) if plain else shrunk).convert("RGB")
    if image.mode == "LAB":
        return _shrink(image.getchannel(0), side).convert("RGB")
    if image.has_transparency_data:
        return _visible(_shrink(image.convert("RGBA"), side))
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
    """Stretch more than eight bits, or floats, over the 256 greys: their own range is that of the scanner, not of the eye."""
    values = np.asarray(image, dtype=np.float32)
    values = np.where(np.isfinite(values), values, np.float32(0))
    sample = values[:: 1 + values.shape[0] // SAMPLED_SIDE, :: 1 + values.shape[1] // SAMPLED_SIDE]
    low, high = (float(value) for value in np.percentile(sample, (CLIPPED_PERCENT, 100 - CLIPPED_PERCENT)))
    if not high > low:
        low, high = float(sample.min()), float(sample.max())
    grey = np.clip((values - low) * (255.0 / ((high - low) or 1.0)), 0, 255).astype(np.uint8)
    tags = getattr(image, "tag_v2", {})
    return Image.fromarray(255 - grey if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else grey)


def _visible(image: Image.Image) -> Image.Image:
    """Lay RGBA over white, as pages are; over black where white would swallow it."""
    over = [Image.alpha_composite(Image.new("RGBA", image.size, ground), image).convert("RGB") for ground in ("white", "black")]
    contrasts = [max(high - low for low, high in one.getextrema()) for one in over]  # type: ignore[misc]
    return over[1] if contrasts[0] < VISIBLE_CONTRAST < contrasts[1] else over[0]

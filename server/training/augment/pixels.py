"""What the web does to the pixels of an image: brightness, colour, grain, blur, small copies, JPEG.

Every function takes and gives an RGB Pillow image and draws its chances from the given generator; none changes what is shown.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter

Rng = np.random.Generator
JPEG_QUALITY = (20, 95)  # what image hosts and old slides use
SMALLEST = 48  # pixels of the short side of a thumbnail; below MIN_IMAGE_SIDE nothing is judged, crops may come near


def grey(image: Image.Image) -> Image.Image:
    """A grey copy: "grey" must not be what makes an image medical."""
    return image.convert("L").convert("RGB")


def invert(image: Image.Image) -> Image.Image:
    return Image.eval(image, lambda value: 255 - value)


def tone(image: Image.Image, rng: Rng) -> Image.Image:
    """Gamma, contrast and brightness by one table."""
    gamma, contrast, shift = np.exp(rng.normal(0, 0.28)), np.exp(rng.normal(0, 0.22)), rng.normal(0, 14)
    ramp = ((np.arange(256) / 255) ** gamma - 0.5) * 255 * contrast + 127.5 + shift
    table = np.clip(ramp, 0, 255).astype(np.uint8).tolist()
    return image.point(table * 3)


def cast(image: Image.Image, rng: Rng) -> Image.Image:
    """A colour cast: each channel its own gain and offset, as screens photographed and old prints have."""
    tables: list[int] = []
    for _ in range(3):
        gain, offset = np.exp(rng.normal(0, 0.13)), rng.normal(0, 7)
        tables += np.clip(np.arange(256) * gain + offset, 0, 255).astype(np.uint8).tolist()
    return image.point(tables)


def duotone(image: Image.Image, rng: Rng) -> Image.Image:
    """One hue from dark to light: sepia prints, blue viewers, orange screens."""
    dark, light = rng.integers(0, 50, 3), rng.integers(190, 256, 3)
    light[rng.integers(3)] -= rng.integers(20, 130)
    ramp = np.arange(256)[:, None] / 255
    tables = (dark + (light - dark) * ramp).astype(np.uint8).T.reshape(-1).tolist()
    return grey(image).point(tables)


def grain(image: Image.Image, rng: Rng) -> Image.Image:
    """Sensor noise, grey or coloured."""
    pixels = np.asarray(image, np.int16)
    channels = 1 if rng.random() < 0.6 else 3
    noise = rng.integers(-128, 128, (*pixels.shape[:2], channels), dtype=np.int16)
    strength = int(rng.integers(4, 26))
    return Image.fromarray(np.clip(pixels + noise * strength // 128, 0, 255).astype(np.uint8))


def blur(image: Image.Image, rng: Rng) -> Image.Image:
    if rng.random() < 0.3:
        return image.filter(ImageFilter.UnsharpMask(1.5, int(rng.integers(60, 180)), 2))
    return image.filter(ImageFilter.BoxBlur(float(rng.uniform(0.4, 1.6))))


def shrink(image: Image.Image, rng: Rng) -> Image.Image:
    """A smaller copy, as thumbnails are; the network's own resize brings it up again."""
    short = min(image.size)
    target = float(np.exp(rng.uniform(np.log(SMALLEST), np.log(max(SMALLEST + 1, short)))))
    scale = min(1.0, target / short)
    size = (max(8, round(image.width * scale)), max(8, round(image.height * scale)))
    way = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)[int(rng.integers(3))]
    return image.resize(size, way)


def jpeg(image: Image.Image, rng: Rng) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(rng.integers(JPEG_QUALITY[0], JPEG_QUALITY[1] + 1)))
    return Image.open(buffer).convert("RGB")

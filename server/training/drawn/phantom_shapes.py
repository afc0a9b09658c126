"""What phantoms are drawn from: wobbly bodies, grain, bones' walls, blocks in a row. Fields of SIDE x SIDE in 0..1.

Each function draws from its generator alone.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from server.training.drawn.synthetic_textures import GRID, SIDE, Field, Rng


def body(rng: Rng, x: Field, y: Field, wide: float, high: float, wobble: float = 0.05) -> Field:
    """How far out from the middle of a wobbly ellipse: 0 in its middle, 1 on its edge."""
    angle = np.arctan2(y, x)
    edge = sum(rng.normal() * wobble / n * np.cos(n * angle + rng.uniform(0, 6.3)) for n in range(1, 6))
    return np.asarray(np.hypot(x / wide, y / high) / (1 + edge))


def disc(rng: Rng, x: Field, y: Field, cx: float, cy: float, wide: float, high: float, wobble: float = 0.08) -> Field:
    """The same around another middle."""
    return body(rng, x - cx, y - cy, wide, high, wobble)


def anywhere(rng: Rng, x: Field, y: Field, far: float, least: float, most: float, wobble: float) -> Field:
    """A disc at most `far` from the middle each way, its half axes between `least` and `most`."""
    (cx, cy), (wide, high) = rng.uniform(-far, far, 2), rng.uniform(least, most, 2)
    return disc(rng, x, y, cx, cy, wide, high, wobble)


def blend(field: Field, where: Field, value: Field | float, soft: float = 0.05) -> Field:
    """`value` where `where` is above 0, over an edge of `soft`."""
    share = np.clip(where / soft + 0.5, 0, 1)
    return np.asarray(field * (1 - share) + share * value)


def wall(field: Field, radius: Field, thick: float, outside: Field | float, inside: Field | float, soft: float = 0.06) -> Field:
    """A bone cut across: a bright wall around its inside."""
    return blend(blend(field, 1 - radius, outside, soft), 1 - thick - radius, inside, soft)


def spin(rng: Rng, most: float = 0.3) -> tuple[Field, Field]:
    """The grid's x and y, turned a little and moved."""
    angle = rng.uniform(-most, most)
    x, y = GRID[0] - rng.uniform(-0.08, 0.08), GRID[1] - rng.uniform(-0.08, 0.08)
    return np.asarray(x * np.cos(angle) - y * np.sin(angle)), np.asarray(x * np.sin(angle) + y * np.cos(angle))


def blurred(field: Field, radius: float) -> Field:
    """A Gaussian of `radius` pixels."""
    image = Image.fromarray((np.clip(field, 0, 1) * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float64) / 255


def grain(rng: Rng, most: float = 0.06) -> Field:
    """Noise as a detector leaves it, fine or a little smeared."""
    noise = rng.normal(size=(SIDE, SIDE))
    if rng.random() < 0.6:
        noise = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1)) / np.sqrt(3)
    return np.asarray(noise * rng.uniform(0.005, most))


def grey(field: Field, rng: Rng) -> Image.Image:
    """As a grey image, cut to a frame of any shape, windowed a little anew."""
    low, high = rng.uniform(-0.05, 0.08), rng.uniform(0.85, 1.1)
    pixels = (np.clip((field - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    image = Image.fromarray(pixels).convert("RGB")
    cut = [int(SIDE * rng.uniform(0, 0.1)) for _ in range(4)]
    return image.crop((cut[0], cut[1], SIDE - cut[2], SIDE - cut[3])) if rng.random() < 0.5 else image


def as_rgb(pixels: Field) -> Image.Image:
    """[SIDE, SIDE, 3] of 0..255 as an image."""
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))

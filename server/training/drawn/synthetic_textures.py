"""Textures and patterns drawn by formula: clouds, grain, fractals, weaves, cells' grids, ridges, sonar-like sweeps, star fields.

Grey images of things that are not bodies are what the network takes for scans most; these are many and cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageFilter

Rng = np.random.Generator
Field = NDArray[np.float64]
SIDE = 200
GRID = np.stack(np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE)))


def coloured(field: Field, rng: Rng, smooth: bool = True) -> Image.Image:
    """A field of any range as an image: grey half the time, else in a colour map of three random stops."""
    low, high = np.quantile(field, (0.01, 0.99)) if smooth else (field.min(), field.max())
    unit = np.clip((field - low) / (high - low + 1e-6), 0, 1)
    if rng.random() < 0.55:
        return Image.fromarray((unit * 255).astype(np.uint8)).convert("RGB")
    stops = np.vstack([rng.integers(0, 90, 3), rng.integers(0, 256, 3), rng.integers(150, 256, 3)])
    return Image.fromarray(in_colours(unit, (0, 0.5, 1), stops).astype(np.uint8))


def in_colours(field: Field, at: Sequence[float] | Field, stops: ArrayLike) -> Field:
    """[..., 3]: a colour map; where `field` is `at[i]` it has the colour `stops[i]`, and between them a mixture."""
    return np.stack([np.interp(field, at, tones) for tones in np.asarray(stops).T], -1)


def clouds(rng: Rng, cells: int, octaves: int = 1) -> Field:
    """Smooth noise of about `cells` bumps a side; more octaves add finer ones."""
    field: Field = np.zeros((SIDE, SIDE))
    for octave in range(octaves):
        count = min(SIDE, cells * 2**octave)
        seed = Image.fromarray(rng.random((count + 1, count + 1)).astype(np.float32))
        field += np.asarray(seed.resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float64) * 0.55**octave
    return field


def fog(rng: Rng) -> Image.Image:
    return coloured(clouds(rng, int(rng.integers(2, 20)), int(rng.integers(2, 6))), rng)


def noise(rng: Rng) -> Image.Image:
    """White, streaked or speckled grain."""
    field = rng.normal(size=(SIDE, SIDE)) if rng.random() < 0.5 else rng.gamma(1.0, 1.0, (SIDE, SIDE))
    image = coloured(field, rng)
    if rng.random() < 0.6:
        image = image.resize((max(2, int(SIDE * rng.uniform(0.02, 1))), int(SIDE * rng.uniform(0.1, 1)))).resize((SIDE, SIDE))
    return image


def fractal(rng: Rng) -> Image.Image:
    """A Julia set at a random place."""
    angle, radius = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 0.85)
    c, zoom = radius * np.exp(1j * angle), rng.uniform(0.3, 1.6)
    z = (GRID[0, ::2, ::2] + 1j * GRID[1, ::2, ::2]) * zoom
    steps: Field = np.zeros(z.shape)
    for _ in range(24):
        inside = np.abs(z) < 4
        z = np.where(inside, z * z + c, z)
        steps += inside
    return coloured(steps, rng).resize((SIDE, SIDE), Image.Resampling.BILINEAR)


def gradient(rng: Rng) -> Image.Image:
    """Light that falls off: planes, balls, rings, vignettes."""
    x, y = GRID
    radius = np.hypot(x - rng.uniform(-0.6, 0.6), (y - rng.uniform(-0.6, 0.6)) * rng.uniform(0.6, 1.6))
    field = (x * rng.normal() + y * rng.normal(), np.exp(-radius * rng.uniform(1, 6)), np.sin(radius * rng.uniform(3, 40)))[
        int(rng.integers(3))
    ]
    return coloured(field + rng.normal(size=field.shape) * rng.choice((0, 0.02, 0.1)), rng)


def ridges(rng: Rng) -> Image.Image:
    """Wavy parallel lines: fingerprints, sand, wood, layers in seismic sections, interference."""
    x, y = GRID
    bend = clouds(rng, int(rng.integers(2, 6)), 2) * rng.uniform(0, 3)
    around = np.hypot(x - rng.uniform(-1, 1), y - rng.uniform(-1, 1)) if rng.random() < 0.5 else x * rng.normal() + y * rng.normal()
    waves = np.sin((around * rng.uniform(0.5, 1.5) + bend * 0.3) * rng.uniform(20, 110))
    return coloured(waves + clouds(rng, 8) * rng.uniform(0, 2) + rng.normal(size=x.shape) * rng.uniform(0, 0.6), rng)


def grid(rng: Rng) -> Image.Image:
    """Cells in rows with thin wires across (solar modules, tiles, weaves, chips), unevenly lit."""
    across, down = int(rng.integers(1, 12)), int(rng.integers(1, 12))
    x, y = (GRID[0] + 1) / 2 * across % 1, (GRID[1] + 1) / 2 * down % 1
    width = rng.uniform(0.01, 0.08)
    light = clouds(rng, 3, 3)
    field = light + rng.random((down, across)).repeat(-(-SIDE // down), 0)[:SIDE].repeat(-(-SIDE // across), 1)[
        :, :SIDE
    ] * rng.uniform(0, 0.6)
    sign = rng.choice((-1.5, 1.5))
    field = field + sign * ((x < width) | (y < width))
    wires = int(rng.integers(0, 5))
    if wires:
        field = field - sign * 0.5 * (x * wires % 1 < width * 2)
    return coloured(field + rng.normal(size=x.shape) * rng.uniform(0, 0.15), rng)


def blobs(rng: Rng) -> Image.Image:
    """Thresholded clouds with texture and lit edges: porous solids, foam, rust, rock, leather."""
    field = clouds(rng, int(rng.integers(6, 40)), 3)
    edge = np.hypot(*np.gradient(field)) * rng.uniform(0, 30)
    step = np.tanh((field - np.quantile(field, rng.uniform(0.2, 0.8))) * rng.uniform(2, 25))
    return coloured(step * rng.choice((-1, 1)) + edge + rng.normal(size=field.shape) * rng.uniform(0, 0.4), rng)


def sky(rng: Rng) -> Image.Image:
    """Stars and a nebula or galaxy on black."""
    field = clouds(rng, 3, 4) ** 4 * rng.uniform(0, 0.6)
    x, y = GRID
    angle = rng.uniform(0, np.pi)
    u, v = x * np.cos(angle) + y * np.sin(angle), (y * np.cos(angle) - x * np.sin(angle)) * rng.uniform(1, 6)
    field = field + np.exp(-np.hypot(u, v) * rng.uniform(3, 12)) * rng.uniform(0, 3)
    count = int(rng.integers(20, 400))
    field[rng.integers(0, SIDE, count), rng.integers(0, SIDE, count)] += rng.exponential(1.5, count)
    image = Image.fromarray((np.clip(field, 0, 1) * 255).astype(np.uint8)).convert("RGB")
    return image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.2))))


def sweep(rng: Rng) -> Image.Image:
    """Side-scan sonar and radar maps: a dark strip along the middle, grain that brightens outward, objects with long shadows."""
    x, y = GRID
    strip = np.abs(x + 0.05 * np.sin(y * rng.uniform(1, 6)))
    field = rng.gamma(3, 0.33, x.shape) * (0.4 + clouds(rng, 6, 4)) * (strip > rng.uniform(0.04, 0.2))
    for _ in range(int(rng.integers(0, 4))):
        cx, cy, size = rng.uniform(0.2, 0.8), rng.uniform(-0.8, 0.8), rng.uniform(0.03, 0.12)
        near = np.abs(y - cy) < size
        field = np.where(near & (strip > cx) & (strip < cx + size), 4, field)
        field = np.where(near & (strip > cx + size) & (strip < cx + 4 * size), 0.05, field)
    return coloured(field, rng)


DRAWN: dict[str, tuple[float, Callable[[Rng], Image.Image]]] = {
    "fog": (0.6, fog),
    "noise": (0.7, noise),
    "fractal": (0.4, fractal),
    "gradient": (0.6, gradient),
    "ridges": (1.0, ridges),
    "grid": (1.0, grid),
    "blobs": (0.8, blobs),
    "sky": (0.3, sky),
    "sweep": (0.6, sweep),
}

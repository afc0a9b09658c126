"""Cells under the microscope without a tissue around them, drawn: fluorescence, stained smears, phase contrast, dishes.

Drawn after what such images show in textbooks, not after any image of the data.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from server.training.drawn.phantom_shapes import anywhere, as_rgb, blend, blurred, disc, grain, spin
from server.training.drawn.phantom_views import vessels
from server.training.drawn.synthetic_textures import SIDE, Field, Rng, clouds

TINTS = np.array([(1, 1, 1), (0.2, 0.35, 1), (0.2, 1, 0.3), (1, 0.2, 0.2), (0.1, 0.9, 0.9), (1, 0.3, 0.9)])


def _tint(rng: Rng, field: Field) -> Image.Image:
    """Light of one colour on black, most often white."""
    tint = TINTS[0] if rng.random() < 0.6 else TINTS[int(rng.integers(1, 6))]
    return as_rgb(255 * np.clip(field, 0, 1)[..., None] * tint)


def _nearest(rng: Rng, count: int) -> tuple[Field, Field, Field]:
    """Cells that touch: how far each point is from the border to the next cell and from its own middle, and its cell's shade."""
    x, y = spin(rng, 3.1)
    bend = 0.15 * (clouds(rng, 5, 2) - 0.75)
    seeds, shade = rng.uniform(-1.4, 1.4, (count, 2)), rng.random(count)
    far = np.hypot(x[..., None] + bend[..., None] - seeds[:, 0], y[..., None] - seeds[:, 1])
    order = np.argpartition(far, 1, -1)[..., :2]
    one, two = np.moveaxis(np.take_along_axis(far, order, -1), -1, 0)
    return np.asarray(two - one), np.asarray(one), shade[order[..., 0]]


def membranes(rng: Rng) -> Image.Image:
    """Touching cells with bright borders, filled or dark inside, with or without nuclei; a field of them, or islands."""
    count = int(rng.integers(15, 180))
    border, middle, shade = _nearest(rng, count)
    size = 1.6 / np.sqrt(count)
    field = rng.uniform(0.3, 1) * np.exp(-((border / (size * rng.uniform(0.1, 0.4))) ** 2))
    field = field + rng.uniform(0, 0.5) * shade * (0.5 + 0.6 * clouds(rng, 30, 3))
    if rng.random() < 0.5:
        field = field + rng.uniform(0.3, 1) * np.clip((size * rng.uniform(0.3, 0.6) - middle) / (0.15 * size), 0, 1) * (
            0.4 + 0.6 * shade
        )
    if rng.random() < 0.5:
        land = clouds(rng, int(rng.integers(2, 6)), 2)
        field = field * np.clip((land - np.quantile(land, rng.uniform(0, 0.7))) / 0.05, 0, 1)
    return _tint(rng, blurred(field * rng.uniform(0.4, 1.1), rng.uniform(0.3, 1.5)) + np.abs(grain(rng, 0.05)))


def neurons(rng: Rng) -> Image.Image:
    """Thin branching threads from a few bright bodies, or a mesh of fibres, on black."""
    starts = [(rng.uniform(0, SIDE), rng.uniform(0, SIDE)) for _ in range(int(rng.integers(2, 9)))]
    field = vessels(rng, [at for at in starts for _ in range(int(rng.integers(2, 6)))], (1.2, 3.5), int(rng.integers(20, 60)))
    x, y = spin(rng, 0)
    for u, v in starts:
        soma = disc(rng, x, y, u / SIDE * 2 - 1, v / SIDE * 2 - 1, rng.uniform(0.03, 0.1), rng.uniform(0.03, 0.1), 0.2)
        field = np.maximum(field, np.clip((1 - soma) * 4, 0, 1))
    field = field * rng.uniform(0.4, 1) + rng.uniform(0, 0.2) * clouds(rng, 12, 3) * clouds(rng, 3)
    return _tint(rng, blurred(field, rng.uniform(0.3, 1.2)) + np.abs(grain(rng, 0.08)))


def phase_contrast(rng: Rng) -> Image.Image:
    """Living cells on grey: dark bodies with bright halos, spread or round, scattered or grown together, with a bare scratch."""
    size = float(np.exp(rng.uniform(np.log(0.05), np.log(0.3))))
    x, y = spin(rng, 3.1)
    ground = rng.uniform(0.35, 0.65)
    field: Field = ground + 0.1 * (clouds(rng, 3, 2) - 0.75)
    bare = rng.uniform(0.1, 0.4) if rng.random() < 0.3 else 0.0
    for _ in range(int(np.clip(2.5 / size**2 * rng.uniform(0.1, 0.8), 3, 90))):
        cx, cy = rng.uniform(-1.05, 1.05, 2)
        if abs(cx) < bare:
            continue
        wide, high = size * rng.uniform(0.4, 1, 2)
        cell = disc(rng, x, y, cx, cy, wide, high, 0.25)
        field = field + rng.uniform(0.1, 0.4) * np.exp(-(((cell - 1.15) / 0.2) ** 2))
        field = blend(field, 1 - cell, ground + rng.uniform(-0.25, 0.1), 0.3)
        field = field - 0.15 * np.clip((1 - disc(rng, x, y, cx, cy, wide * 0.4, high * 0.4)) * 3, 0, 1)
    field = field + 0.15 * (clouds(rng, 45, 2) - 0.75)
    tone = np.array([(1, 1, 1), (1, 1, 1), (0.95, 0.9, 0.7), (0.8, 0.9, 1)])[int(rng.integers(4))]
    return as_rgb(255 * np.clip(field + grain(rng, 0.05), 0, 1)[..., None] * tone)


def dish(rng: Rng) -> Image.Image:
    """A round dish or well: colonies, plaques or worms on its even ground."""
    x, y = spin(rng, 3.1)
    inside = np.hypot(x, y) / rng.uniform(0.8, 1.3)
    dark = rng.random() < 0.5
    field = np.full_like(x, rng.uniform(0.15, 0.4) if dark else rng.uniform(0.5, 0.8)) + 0.1 * (clouds(rng, 3, 2) - 0.75)
    worms, value = rng.random() < 0.35, rng.uniform(0.7, 1) if dark else rng.uniform(0.1, 0.95)
    if worms:
        starts = [(rng.uniform(0.2, 0.8) * SIDE, rng.uniform(0.2, 0.8) * SIDE) for _ in range(int(rng.integers(3, 20)))]
        line = vessels(rng, starts, (2, 5), int(rng.integers(5, 16)))
        field = field * (1 - line) + value * line
    for _ in range(0 if worms else int(rng.integers(5, 90))):
        size = rng.uniform(0.015, 0.09)
        spot = anywhere(rng, x, y, 0.75, size * 0.85, size, 0.04)
        field = blend(field, 1 - spot, value, 0.2)
    field = blend(field, inside - 1, rng.uniform(0, 1), 0.03) + 0.3 * np.exp(-(((inside - 1) / 0.03) ** 2))
    tone = np.array([(1, 1, 1), (1, 0.9, 0.7), (0.95, 0.7, 0.65), (0.8, 0.9, 0.75)])[int(rng.integers(4))]
    return as_rgb(255 * np.clip(field + grain(rng, 0.03), 0, 1)[..., None] * tone)


def nuclei(rng: Rng) -> Image.Image:
    """Fluorescence: stained nuclei on black, in one colour or with the cells' bodies in others."""
    light = np.zeros((SIDE, SIDE, 3))
    tints = np.array([(1, 1, 1), (0.2, 0.35, 1), (0.2, 1, 0.3), (1, 0.2, 0.2), (0.1, 0.9, 0.9)])
    x, y = spin(rng, 3.1)
    size, count = rng.uniform(0.03, 0.16), int(rng.integers(6, 120))
    seeds, layer, around = rng.uniform(-1.1, 1.1, (count, 2)), np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
    texture = clouds(rng, 40, 2)
    for cx, cy in seeds:
        shape = disc(rng, x, y, cx, cy, size * rng.uniform(0.6, 1.3), size * rng.uniform(0.6, 1.3), 0.12)
        layer = np.maximum(layer, np.clip((1 - shape) * rng.uniform(2, 8), 0, 1) * rng.uniform(0.3, 1))
        around = np.maximum(around, np.exp(-((shape / rng.uniform(1.5, 3)) ** 2)))
    soft = rng.uniform(0.3, 2.5)
    layer = blurred(layer * (0.6 + 0.5 * texture), soft)
    light += layer[..., None] * tints[int(rng.choice(5, p=(0.45, 0.25, 0.15, 0.1, 0.05)))]
    for _ in range(int(rng.integers(0, 3)) if rng.random() < 0.45 else 0):
        threads = clouds(rng, int(rng.integers(10, 45)), 2)
        stain = around * np.clip(threads - np.quantile(threads, rng.uniform(0.1, 0.7)), 0, 1) * rng.uniform(0.7, 3)
        light += blurred(stain, soft / 2)[..., None] * tints[int(rng.integers(1, 5))]
    light = light * rng.uniform(0.4, 1.3) + np.abs(rng.normal(size=light.shape[:2]))[..., None] * rng.uniform(0, 0.05)
    return as_rgb(light * 255)


def smear(rng: Rng) -> Image.Image:
    """Stained cells in transmitted light: pale ground, translucent bodies, dark nuclei; few and large or many and small."""
    ground = np.array((rng.uniform(200, 250), rng.uniform(195, 245), rng.uniform(205, 250)))
    rgb = ground * (1 + 0.05 * (clouds(rng, 4, 3) - 0.8))[..., None]
    dye = np.array([(120, 60, 150), (60, 50, 130), (140, 60, 110), (70, 90, 120)])[int(rng.integers(4))] * rng.uniform(0.6, 1.1)
    plasm = np.array([(205, 160, 200), (165, 200, 205), (235, 170, 165), (180, 190, 220)])[int(rng.integers(4))] * rng.uniform(
        0.85, 1.05
    )
    x, y = spin(rng, 3.1)
    size, texture = float(np.exp(rng.uniform(np.log(0.08), np.log(0.75)))), clouds(rng, 30, 2)
    share, bare = rng.uniform(0.2, 0.65), rng.random() < 0.2
    for _ in range(int(np.clip(1.6 / size**2 * rng.uniform(0.3, 1), 1, 60))):
        cx, cy = rng.uniform(-1, 1, 2) if size < 0.45 else rng.uniform(-0.3, 0.3, 2)
        cell = disc(rng, x, y, cx, cy, size * rng.uniform(0.7, 1.2), size * rng.uniform(0.7, 1.2), 0.12)
        core = disc(rng, x, y, cx + rng.normal() * size * 0.15, cy + rng.normal() * size * 0.15, size * share, size * share, 0.15)
        veil = np.clip((1 - cell) / 0.15, 0, 1)[..., None] * rng.uniform(0.4, 0.95)
        rgb = rgb * (1 - veil) + veil * plasm * (0.93 + 0.1 * texture)[..., None]
        if not bare:
            spot = np.clip((1 - core) / 0.2, 0, 1)[..., None] * rng.uniform(0.6, 0.95)
            rgb = rgb * (1 - spot) + spot * dye * (0.7 + 0.4 * texture)[..., None]
    rgb = rgb + rng.normal(size=rgb.shape) * rng.uniform(0.5, 5)
    return as_rgb(rgb)

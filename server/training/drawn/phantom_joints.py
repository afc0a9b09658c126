"""Slices through joints and breasts, drawn: knees in MR, hips and shoulders in CT cut from the front or the side, breasts in MR.

As phantom_slices.py: what is bright depends on the modality, not on the body.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from server.training.drawn.phantom_shapes import blend, blurred, body, disc, grain, grey, spin, wall
from server.training.drawn.synthetic_textures import Field, Rng, clouds


def _rod(along: Field, across: Field, start: float, half: float, flare: float) -> Field:
    """How far out of a long bone that begins at `start` with a thick end: 1 on its surface."""
    width = half * (1 + flare * np.exp(-(((along - start) / 0.25) ** 2)))
    ends = np.clip((start - along) / (0.35 * half) + 1, 0, None)
    return np.asarray(np.hypot(across / width, ends * (along < start)))


def knee_mr(rng: Rng) -> Image.Image:
    """Sagittal or coronal: two bone ends with dark walls, bright or dark marrow, cartilage, dark menisci, fat before and behind."""
    x, y = spin(rng, 0.3)
    marrow, muscle, fluid = ((0.8, 0.35, 0.3), (0.3, 0.4, 1.0), (0.6, 0.35, 0.9))[int(rng.integers(3))]
    fat = min(1.0, marrow * rng.uniform(0.9, 1.3))
    radius = np.abs(x + 0.1 * np.sin(2 * y)) / rng.uniform(0.6, 0.85)
    soft = clouds(rng, 5, 3)
    field = blend(np.zeros_like(x), 1 - radius, fat * (0.8 + 0.25 * soft), 0.05)
    field = blend(field, rng.uniform(0.65, 0.85) - radius, muscle * (0.7 + 0.4 * soft), 0.1)
    gap = rng.uniform(0.03, 0.07)
    field = blend(field, 0.35 - np.hypot(x / 0.5, (y - 0.02) * 3), fluid, 0.2)
    for side in (-1, 1):
        bone = _rod(y * side, x - rng.uniform(-0.1, 0.1), gap, rng.uniform(0.25, 0.36), rng.uniform(0.2, 0.6))
        field = blend(field, 1.12 - bone, muscle * 1.5, 0.06)
        field = wall(field, bone, 0.08, 0.05, marrow * (0.9 + 0.2 * (clouds(rng, 25, 2) - 0.8)), 0.05)
    for side in (-1, 1):
        wedge = np.hypot((x - side * 0.3) / 0.13, y / 0.06)
        field = blend(field, 1 - wedge, 0.03, 0.3)
    if rng.random() < 0.6:
        cap = disc(rng, x, y, -0.55, rng.uniform(-0.3, -0.1), 0.1, 0.2)
        field = wall(field, cap, 0.15, 0.05, marrow, 0.1)
    return grey(np.abs(blurred(field, rng.uniform(0, 1)) * (0.6 + 0.5 * clouds(rng, 2)) + grain(rng, 0.06)), rng)


def hip_ct(rng: Rng) -> Image.Image:
    """Coronal or sagittal hip or shoulder, bone window: a ball on a shaft in its cup, one side or both."""
    x, y = spin(rng, 0.3)
    muscle = rng.uniform(0.2, 0.5)
    soft = clouds(rng, 6, 3)
    both = rng.random() < 0.5
    scale, off = (rng.uniform(0.45, 0.6), rng.uniform(0.42, 0.55)) if both else (rng.uniform(0.8, 1.2), 0.0)
    u, v = ((np.abs(x) - off) if both else x) / scale, y / scale
    field: Field = muscle + rng.uniform(0.02, 0.15) * (soft - 0.8)
    if rng.random() < 0.6:
        field = blend(np.zeros_like(x), 1 - body(rng, x, y, 0.95, rng.uniform(0.9, 1.4), 0.05), field, 0.04)
    marrow = rng.uniform(0.4, 0.7) + rng.uniform(0.1, 0.5) * (clouds(rng, 34, 2) - 0.75)
    thick = rng.uniform(0.08, 0.22)
    turn = rng.uniform(0.6, 1.0)
    neck_u, neck_v = u * np.cos(turn) - v * np.sin(turn), u * np.sin(turn) + v * np.cos(turn)
    neck = np.maximum(np.abs(neck_u) / 0.18, np.abs(neck_v - 0.25) / 0.4)
    shaft = _rod(v, u - 0.42, 0.3, 0.17, rng.uniform(0.2, 0.6))
    ball = np.hypot(u, v) / 0.27
    bone = np.minimum(np.minimum(ball, neck), shaft)
    field = wall(field, bone, thick, rng.uniform(0.9, 1), marrow, 0.06)
    cup = np.abs(np.hypot(u + 0.03, v + 0.03) - 0.36) / 0.07
    cup = np.where(u * 0.7 + v < 0.12, cup, 9)
    wing = body(rng, (u + 0.25) * 0.9 + v * 0.3, (v + 0.75) * 0.9, 0.22, 0.42, 0.08)
    field = wall(field, np.minimum(cup, wing), thick * 1.3, rng.uniform(0.9, 1), marrow, 0.06)
    return grey(field + grain(rng, 0.09) * (field > 0.02), rng)


def breast_mr(rng: Rng) -> Image.Image:
    """Axial: two breasts hanging into black, glands bright or dark within fat, the chest behind; or one of them."""
    x, y = spin(rng, 0.1)
    fat, gland = (0.8, 0.35) if rng.random() < 0.5 else (0.15, 0.55)
    field: Field = np.zeros_like(x)
    for side in (-1, 1):
        shape = body(rng, x - side * 0.45, y - 0.35, rng.uniform(0.34, 0.42), rng.uniform(0.6, 1.1), 0.04)
        strands = clouds(rng, int(rng.integers(6, 14)), 4)
        inner = blend(
            np.full_like(x, fat), np.minimum(strands - np.quantile(strands, rng.uniform(0.3, 0.8)), 0.8 - shape), gland, 0.15
        )
        field = blend(field, np.minimum(1 - shape, 0.45 - y), inner, 0.04)
        if rng.random() < 0.4:
            wide, high = rng.uniform(0.02, 0.1, 2)
            spot = disc(rng, x, y, side * rng.uniform(0.3, 0.6), rng.uniform(-0.2, 0.2), wide, high, 0.25)
            field = blend(field, 1 - spot, 1.0, 0.3)
    chest = y - 0.42 + 0.1 * np.cos(x * 3)
    field = blend(field, chest, 0.3 + 0.2 * (clouds(rng, 8, 3) - 0.8), 0.05)
    field = blend(field, np.minimum(chest - 0.2, 0.4 - np.abs(np.abs(x) - 0.5)), 0.04, 0.1)
    field = blend(field, 1 - disc(rng, x, y, 0.1, 0.8, 0.25, 0.25), rng.uniform(0.4, 0.9), 0.1)
    return grey(np.abs(field * (0.5 + 0.7 * clouds(rng, 2)) + grain(rng, 0.06)), rng)

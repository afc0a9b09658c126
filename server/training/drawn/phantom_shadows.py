"""Shadows of bodies, drawn: X-rays of chests, limbs, hands, heads, teeth and hips. Dense is bright, as on film.

What lies behind one another adds up: that is what tells a shadow from a slice. Drawn after textbooks, not after the data.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from server.training.drawn.phantom_shapes import blend, blurred, body, disc, grain, grey, spin
from server.training.drawn.synthetic_textures import SIDE, Field, Rng, clouds


def _finished(rng: Rng, field: Field) -> Image.Image:
    """Film's curve, grain, sometimes collimated, inverted or with a side's letter."""
    x, y = spin(rng, 0.1)
    field = np.clip(field, 0, None) ** rng.uniform(0.6, 1.1)
    if rng.random() < 0.3:
        field = blend(field, np.maximum(np.abs(x) - rng.uniform(0.7, 0.95), np.abs(y) - rng.uniform(0.7, 0.95)), 0.0, 0.01)
    field = field / np.quantile(field, 0.995) * rng.uniform(0.8, 1) + grain(rng, 0.03)
    image = grey(1 - field if rng.random() < 0.1 else field, rng)
    if rng.random() < 0.3:
        at = (int(rng.uniform(0.05, 0.9) * image.width), int(rng.uniform(0.03, 0.2) * image.height))
        ImageDraw.Draw(image).text(at, str(rng.choice(("L", "R"))), fill=(255, 255, 255))
    return image


def _bone(field: Field, across: Field, along: Field, half: Field | float, length: float, dense: float, rng: Rng) -> Field:
    """Add a tube's shadow: bright at its walls, wider at both ends, with a fine grain inside."""
    end = np.clip(np.abs(along) / length, 0, 1)
    width = half * (1 + 0.9 * np.clip(end - 0.6, 0, 1) ** 1.5 * 2.5)
    out = np.abs(across) / width
    inside = np.clip((1 - out) / 0.08, 0, 1) * np.clip((length - np.abs(along)) / 0.03, 0, 1)
    walls = 0.55 + 0.45 * np.exp(-(((out - 0.85) / 0.16) ** 2)) * (1 - end**4)
    return np.asarray(field + dense * inside * walls * (0.9 + 0.15 * (clouds(rng, 40, 2) - 0.7)))


def limb(rng: Rng) -> Image.Image:
    """Long bones meeting at a knee, elbow or ankle, one or two beside each other, within soft parts; sometimes with metal."""
    x, y = spin(rng, 0.5)
    if rng.random() < 0.3:
        x, y = y, x
    bend = rng.uniform(-0.3, 0.3)
    joint, half = rng.uniform(-0.3, 0.3), rng.uniform(0.1, 0.24)
    soft = np.abs(x) / (half * rng.uniform(2, 3.2) * (1 + 0.1 * np.sin(y * 3)))
    field = rng.uniform(0.15, 0.35) * np.sqrt(np.clip(1 - soft**2, 0, 1))
    for side in (-1, 1):
        along = (y - joint) * side - 0.03
        u = x - bend * np.clip(along, 0, 2)
        parts = ((0.0, 1.0),) if rng.random() < 0.6 else ((-0.45, 0.75), (0.75, 0.5))
        for shift, size in parts:
            field = _bone(
                field, u - shift * half, along - 0.85, half * size * rng.uniform(0.8, 1), 0.85, rng.uniform(0.4, 0.7), rng
            )
    if rng.random() < 0.4:
        field = np.maximum(field, np.clip((1 - disc(rng, x, y, half * 0.3, joint, half * 0.6, half * 0.7)) * 9, 0, 1) * 0.75)
    if rng.random() < 0.2:
        field = np.maximum(field, (np.abs(x - half * 0.3) < 0.025) * (np.abs(y - joint) < 0.5) * 1.4)
    return _finished(rng, field)


def hand(rng: Rng) -> Image.Image:
    """Five rays of short bones, and the wrist's pebbles."""
    x, y = spin(rng, 0.4)
    field, soft = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
    for finger in range(5):
        angle = (finger - 2) * rng.uniform(0.16, 0.24) + rng.normal() * 0.03
        ux, uy = x * np.cos(angle) - (y - 0.55) * np.sin(angle), x * np.sin(angle) + (y - 0.55) * np.cos(angle)
        start, reach = 0.28, (0.75, 1.15, 1.25, 1.15, 0.95)[finger] * rng.uniform(0.95, 1.1)
        soft = np.maximum(soft, np.clip((1 - np.abs(ux) / 0.1) * 3, 0, 1) * ((-uy > 0) & (-uy < reach + 0.06)))
        for share in (0.42, 0.27, 0.18, 0.13):
            length = reach * share / 2
            field = _bone(field, ux, -uy - start - length + 0.1, 0.035 + 0.05 * share, length * 0.93, 0.55, rng)
            start += 2 * length
    soft = np.maximum(soft, np.clip((1 - body(rng, x, y - 0.55, 0.5, 0.42)) * 4, 0, 1))
    for _ in range(8):
        pebble = disc(rng, x, y, rng.uniform(-0.22, 0.22), rng.uniform(0.48, 0.72), 0.08, 0.07, 0.15)
        field = field + 0.35 * np.clip((1 - pebble) * 6, 0, 1)
    for side in (-0.12, 0.12):
        field = _bone(field, x - side, y - 1.15, 0.08, 0.38, 0.55, rng)
    soft = np.maximum(soft, (np.abs(x) < 0.33) * (y > 0.5) * 1.0)
    return _finished(rng, field + rng.uniform(0.15, 0.35) * blurred(soft, 2))


def chest(rng: Rng) -> Image.Image:
    """From the front: dark lungs, ribs across, spine and heart between, diaphragms below, collar bones."""
    x, y = spin(rng, 0.08)
    wide = rng.uniform(0.75, 0.95)
    field = np.asarray(0.75 * np.clip(1.15 - np.abs(x / wide) ** 6, 0, 1) + 0.1 * (clouds(rng, 4, 2) - 0.75))
    for side in (-1, 1):
        lung = disc(rng, x * side, y, 0.4, rng.uniform(-0.1, 0.05), rng.uniform(0.28, 0.36), rng.uniform(0.55, 0.72), 0.06)
        floor = y - rng.uniform(0.35, 0.55) + 0.5 * (x * side - 0.35) ** 2
        vessels = clouds(rng, 16, 3)
        dark = rng.uniform(0.1, 0.25) + 0.15 * (vessels - 0.9) * np.clip(1.3 - np.abs(x) * 2, 0.2, 1)
        field = blend(field, np.minimum(1 - lung, -floor * 3), dark, 0.2)
    for rib in np.arange(-0.85, 0.5, rng.uniform(0.15, 0.19)):
        back = y - rib - rng.uniform(0.2, 0.4) * np.clip(np.abs(x) - 0.1, 0, 1) ** 1.4
        field = field + rng.uniform(0.05, 0.14) * np.exp(-((back / 0.035) ** 4)) * (np.abs(x) < wide * 0.85)
    heart = disc(rng, x, y, rng.uniform(0.05, 0.18), rng.uniform(0.2, 0.35), rng.uniform(0.25, 0.42), rng.uniform(0.25, 0.35))
    field = blend(field, 1 - heart, 0.7, 0.2)
    field = field + 0.15 * (np.abs(x) < 0.09) * (0.8 + 0.2 * np.sin(y * 40))
    for side in (-1, 1):
        bone = np.abs(y + 0.72 + 0.25 * (x * side) - 0.1 * np.sin(x * 5))
        field = field + 0.15 * np.exp(-((bone / 0.03) ** 4)) * ((x * side) > 0.08)
    return _finished(rng, field)


def skull(rng: Rng) -> Image.Image:
    """A head from the side or front, with jaw and teeth; or the whole row of teeth in one arc."""
    x, y = spin(rng, 0.15)
    if rng.random() < 0.5:  # panorama of teeth
        curve = y - rng.uniform(-0.3, 0.3) * x**2 * 1.5 - rng.uniform(-0.1, 0.1)
        field = 0.35 + 0.2 * (clouds(rng, 5, 3) - 0.8) + 0.25 * np.exp(-((np.abs(curve) - 0.35) ** 2) / 0.03)
        count = rng.uniform(3, 6.5) * (1 + 0.15 * np.cos(x * 3))
        tooth = np.abs((x * count + rng.uniform(0, 1)) % 1 - 0.5) * 2 + 0.3 * np.abs(curve / 0.4) ** 2
        crown = (
            np.clip((0.85 - tooth) * 6, 0, 1)
            * np.clip((0.42 - np.abs(curve)) * 12, 0, 1)
            * np.clip((np.abs(curve) - 0.02) * 60, 0, 1)
        )
        field = field + crown * (0.3 + 0.25 * np.exp(-((np.abs(curve) - 0.08) ** 2) / 0.008))
        field = field - 0.15 * crown * np.exp(-((tooth / 0.15) ** 2))
        image = _finished(rng, field)
        return image.resize((int(SIDE * rng.uniform(1, 2.1)), SIDE))
    radius = body(rng, x, y + 0.15, rng.uniform(0.6, 0.8), 0.65, 0.04)
    field = np.clip((1.08 - radius) * 3, 0, 0.15) + 0.3 * np.clip((1 - radius) * 12, 0, 1) * (0.8 + 0.3 * (clouds(rng, 8, 3) - 0.7))
    field = field + 0.35 * np.exp(-(((radius - 0.96) / 0.05) ** 2))
    face = disc(rng, x, y, rng.uniform(-0.45, 0.1), 0.45, 0.4, 0.45, 0.08)
    field = field + np.clip((1 - face) * 5, 0, 1) * (0.2 + 0.4 * np.clip(clouds(rng, 7, 3) - 0.8, 0, 1))
    for side in (-1, 1):
        field = field - 0.2 * np.clip((1 - disc(rng, x, y, -0.15 + side * 0.22, 0.2, 0.14, 0.11)) * 5, 0, 1)
    return _finished(rng, field)


def hips(rng: Rng) -> Image.Image:
    """Pelvis from the front: two wings, sockets with balls, thighs, the spine's end; or a column of blocks from front or side."""
    x, y = spin(rng, 0.12)
    field = 0.3 + 0.25 * (clouds(rng, 3, 2) - 0.75)
    side, out = np.abs(x), rng.uniform(0.45, 0.6)
    if whole := rng.random() < 0.6:
        wing = body(rng, side - out, (y + 0.35) * 1.1, 0.34, 0.42, 0.08)
        field = field + 0.35 * np.clip((1 - wing) * 6, 0, 1) + 0.2 * np.exp(-(((wing - 0.95) / 0.06) ** 2))
        ring = np.hypot(side - 0.2, (y - 0.4) * 0.9)
        field = field + 0.35 * np.exp(-(((ring - 0.17) / 0.05) ** 2))
        ball = np.hypot(side - out - 0.04, y - 0.18) / rng.uniform(0.12, 0.17)
        field = field + 0.35 * np.clip((1 - ball) * 6, 0, 1) + 0.15 * np.exp(-(((ball - 1.1) / 0.1) ** 2))
        field = _bone(field, side - out - 0.18 + 0.1 * y, y - 0.75, 0.11, 0.5, 0.5, rng)
    count, wide = rng.uniform(2.5, 5.5), rng.uniform(0.13, 0.24)
    bend = rng.uniform(-0.25, 0.25) * y + rng.uniform(-0.2, 0.2) * y**2
    phase = (y * count) % 1
    block = np.maximum(np.abs(x - bend) / wide, np.abs(phase - 0.5) / 0.42)
    low = y < (rng.uniform(-0.2, 0.1) if whole else 2)
    field = field + low * (0.3 * np.clip((1 - block) * 8, 0, 1) + 0.2 * np.exp(-(((block - 0.93) / 0.07) ** 2)))
    return _finished(rng, field)

"""Medical images that are no slices, drawn: angiograms, mammograms, retinas in section, wounds.

Drawn after what such images show in textbooks, not after any image of the data.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from server.training.drawn.phantom_shapes import as_rgb, blend, blurred, body, disc, grain, grey, spin
from server.training.drawn.synthetic_textures import SIDE, Field, Rng, clouds, in_colours


def _tree(rng: Rng, draw: ImageDraw.ImageDraw, at: tuple[float, float], angle: float, width: float, left: int) -> None:
    """A vessel that winds, thins and branches."""
    x, y = at
    turn = rng.normal() * 0.02
    while width > 0.8 and left > 0:
        angle += turn + rng.normal() * 0.12
        turn += rng.normal() * 0.01
        nx, ny = x + 4 * np.cos(angle), y + 4 * np.sin(angle)
        draw.line((x, y, nx, ny), fill=255, width=max(1, round(width)))
        x, y, width, left = nx, ny, width * rng.uniform(0.96, 0.995), left - 1
        if rng.random() < 0.08:
            _tree(rng, draw, (x, y), angle + rng.choice((-1, 1)) * rng.uniform(0.3, 1.1), width * rng.uniform(0.5, 0.85), left)


def vessels(rng: Rng, starts: list[tuple[float, float]], width: tuple[float, float], length: int) -> Field:
    """0..1: trees of vessels from these pixels on, their first widths within `width` pixels."""
    sheet = Image.new("L", (SIDE, SIDE))
    draw = ImageDraw.Draw(sheet)
    for at in starts:
        _tree(rng, draw, at, rng.uniform(0, 6.3), rng.uniform(*width), length)
    return blurred(np.asarray(sheet, np.float64) / 255, rng.uniform(0.5, 1.3))


def angiogram(rng: Rng) -> Image.Image:
    """Vessels full of contrast: dark on a chest's shadow, or subtracted to plain ground; with a catheter."""
    starts = [(rng.uniform(0.2, 0.8) * SIDE, rng.uniform(0.1, 0.6) * SIDE) for _ in range(int(rng.integers(1, 4)))]
    tree = vessels(rng, starts, (2.5, 7), int(rng.integers(30, 70)))
    x, y = spin(rng)
    ground = rng.uniform(0.45, 0.8) + rng.uniform(0, 0.6) * (clouds(rng, 3, 2) - 0.75) * (rng.random() < 0.8)
    if rng.random() < 0.6:
        ground = ground - rng.uniform(0, 0.2) * (np.abs(x - rng.uniform(-0.5, 0.5)) < rng.uniform(0.1, 0.25))
        ground = ground - rng.uniform(0, 0.08) * np.sin((y + 0.3 * x**2) * rng.uniform(10, 20))
        ground = blend(ground, y - rng.uniform(0.4, 1.2) - 0.4 * x, rng.uniform(0.15, 0.4), 0.1)
    field = blurred(np.clip(ground, 0, 1), 2) - rng.uniform(0.25, 0.6) * tree
    if rng.random() < 0.7:
        field = field - rng.uniform(0.1, 0.4) * vessels(rng, [(rng.uniform(0, SIDE), 0)], (2, 4), 30)
    if rng.random() < 0.5:
        field = blend(field, np.hypot(x, y) - rng.uniform(0.95, 1.15), 0.02, 0.02)
    return grey(field + grain(rng), rng)


def mammogram(rng: Rng) -> Image.Image:
    """A breast at the left or right edge, dense or fatty, with or without the muscle's corner and letters; or subtracted."""
    x, y = spin(rng, 0.1)
    x = x if rng.random() < 0.5 else -x
    radius = body(rng, x + 1.02, y, rng.uniform(0.8, 1.7), rng.uniform(0.65, 1.1), 0.03)
    strands = clouds(rng, int(rng.integers(5, 12)), 4)
    dense = rng.uniform(0, 1) * np.clip(strands - np.quantile(strands, rng.uniform(0.2, 0.8)), 0, 1)
    inner = rng.uniform(0.15, 0.5) + dense * np.clip(1.2 - radius, 0, 1) + rng.uniform(0, 0.1) * (clouds(rng, 50) - 0.5)
    edge = rng.uniform(0.5, 3)
    field = blend(np.zeros_like(x), 1 - radius, inner * np.clip((1 - radius) * edge + rng.uniform(0.3, 0.9), 0, 1), 0.02)
    if rng.random() < 0.5:
        muscle = np.minimum(-y - rng.uniform(0, 0.3) - (x + 1) * rng.uniform(0.8, 2), 1 - radius)
        field = blend(field, muscle, rng.uniform(0.5, 0.9), 0.1)
    for _ in range(int(rng.integers(0, 3))):
        mass = disc(
            rng, x, y, rng.uniform(-0.9, -0.2), rng.uniform(-0.4, 0.4), rng.uniform(0.02, 0.15), rng.uniform(0.02, 0.15), 0.3
        )
        field = blend(field, np.minimum(1 - mass, 1 - radius), rng.uniform(0.6, 1), 0.4)
    image = grey(field + grain(rng, 0.03), rng)
    if rng.random() < 0.4:
        at = (int(rng.uniform(0.7, 0.85) * image.width), int(rng.uniform(0.05, 0.8) * image.height))
        ImageDraw.Draw(image).text(at, str(rng.choice(("L CC", "R CC", "L MLO", "R MLO"))), fill=(230, 230, 230))
    return image


def retina_section(rng: Rng) -> Image.Image:
    """Optical coherence tomography: layers along a bent line, speckle, a pit, holes; grey, inverted or in colours."""
    x, y = spin(rng, 0.15)
    pit = rng.uniform(0, 0.18) * np.exp(-((x - rng.uniform(-0.3, 0.3)) ** 2) / rng.uniform(0.01, 0.08))
    top = rng.uniform(-0.3, 0.2) + rng.uniform(-0.25, 0.25) * x**2 + 0.05 * (clouds(rng, 4) - 0.5)
    thick = rng.uniform(0.25, 0.5)
    bulge = rng.uniform(0, 0.2) * (rng.random() < 0.4) * np.exp(-((x - rng.uniform(-0.5, 0.5)) ** 2) / 0.08)
    depth = (y - top + bulge - pit) / (thick + bulge - pit)
    knots = np.array([-9, -0.02, 0.03, 0.14, 0.2, 0.33, 0.4, 0.55, 0.62, 0.8, 0.86, 0.93, 0.97, 1.05, 1.12, 1.9, 9])
    values = np.array([0.05, 0.05, 0.9, 0.75, 0.45, 0.6, 0.35, 0.5, 0.2, 0.25, 0.6, 0.35, 1.0, 0.95, 0.55, 0.12, 0.03])
    layers = np.interp(depth, knots, np.clip(values + rng.normal(size=values.size) * 0.08, 0.02, 1))
    for _ in range(int(rng.integers(0, 6)) if rng.random() < 0.5 else 0):
        cy = float(np.median(top)) + thick * rng.uniform(0.3, 0.8)
        hole = disc(rng, x, y, rng.uniform(-0.6, 0.6), cy, rng.uniform(0.02, 0.15), rng.uniform(0.02, 0.1))
        layers = blend(layers, np.minimum(1 - hole, np.minimum(depth - 0.1, 0.9 - depth) * 5), 0.06, 0.3)
    speckle = rng.gamma(rng.uniform(2, 8), 1, x.shape)
    speckle = (speckle + np.roll(speckle, 1, 1)) / speckle.mean() / 2
    shade = 1 - rng.uniform(0, 0.5) * (clouds(rng, 9)[:1] > 0.75)
    field = layers * (0.4 + 0.6 * speckle) * shade + rng.uniform(0, 0.12) * speckle
    look = rng.random()
    if look < 0.15:
        return grey(1 - field, rng)
    if look < 0.3:
        stops = np.array([(0, 0, 30), (0, 60, 200), (0, 200, 90), (250, 220, 0), (255, 60, 0), (255, 255, 255)])
        return as_rgb(in_colours(np.clip(field, 0, 1), np.linspace(0, 1, 6), stops))
    return grey(field, rng)


def wound(rng: Rng) -> Image.Image:
    """Skin with an open place: red, yellow and black within a swollen rim; on a drape, or filling the frame, with a paper ruler."""
    rgb, inside = skin(rng)
    x, y = spin(rng, 3.1)
    place = disc(rng, x, y, rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3), rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.5), 0.25)
    mix = clouds(rng, int(rng.integers(5, 14)), 3)
    beds = np.array([(150, 35, 35), (190, 70, 60), (205, 170, 90), (60, 30, 25), (120, 20, 30)], float)
    order = rng.permutation(5)[:3]
    cuts = np.quantile(mix, (0.05, rng.uniform(0.3, 0.6), 0.95))
    bed = in_colours(mix, cuts, beds[order])
    rim = np.exp(-(((place - 1.1) / rng.uniform(0.1, 0.3)) ** 2))[..., None] * rng.uniform(0.2, 0.8)
    rgb = rgb * (1 - rim) + rim * np.array((190, 90, 85))
    share = (np.clip((1 - place) / 0.12, 0, 1) * np.clip((1.05 - inside) / 0.1, 0, 1))[..., None]
    image = as_rgb(rgb * (1 - share) + share * bed)
    if rng.random() < 0.25:
        draw, top = ImageDraw.Draw(image), int(rng.uniform(0.05, 0.9) * SIDE)
        draw.rectangle((20, top, SIDE - 20, top + 14), fill=(240, 240, 235))
        for at in range(24, SIDE - 20, 6):
            draw.line((at, top, at, top + 6), fill=(30, 30, 30))
    return image


def skin(rng: Rng, filled: bool = False) -> tuple[Field, Field]:
    """[SIDE, SIDE, 3] of 0..255: a limb's skin on some ground, or filling the frame; and how far out of it (1 on its edge)."""
    tone = np.array([(232, 190, 168), (205, 150, 120), (150, 100, 75), (95, 62, 48)])[int(rng.integers(4))] * rng.uniform(0.8, 1.1)
    x, y = spin(rng, 3.1)
    light = 1 + rng.uniform(0, 0.3) * (clouds(rng, 3, 2) - 0.75) + rng.uniform(-0.2, 0.2) * x
    pores = rng.uniform(0, 0.1) * (clouds(rng, 60, 2) - 0.7) + rng.uniform(0, 0.1) * (clouds(rng, 9, 3) - 0.8)
    flesh = tone * (light + pores)[..., None] + np.array((12, -6, -6)) * (clouds(rng, 5, 2) - 0.75)[..., None]
    inside = body(rng, x, y, rng.uniform(0.6, 2.5), rng.uniform(0.4, 1.2), 0.1)
    inside = inside * 0.3 if filled or rng.random() < 0.4 else inside
    grounds = np.array([(40, 90, 140), (40, 120, 110), (225, 225, 220), (25, 25, 25), (130, 120, 110), (235, 235, 240)])
    ground = grounds[int(rng.integers(6))] * (1 + 0.15 * (clouds(rng, 6, 3) - 0.8))[..., None]
    share = np.clip((1 - inside) / 0.04, 0, 1)[..., None]
    return np.asarray(ground * (1 - share) + share * flesh * np.clip(1.25 - 0.4 * inside**2, 0.4, 1)[..., None]), inside

"""Images that can honestly be drawn and are not medical: plots, spectrograms, traces, pages, screens, masks.

They fill gaps among the negatives (origins `synthetic-*`), on white, black or coloured grounds, grey about as often as coloured.
Textures and patterns are in synthetic_textures.py. Each function draws from its generator alone; none reads a file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

from server.training.augment.frames import axes, ink, paper
from server.training.augment.marks import font, some_font, vivid, words
from server.training.drawn import synthetic_textures as textures

Rng = np.random.Generator
Draw: TypeAlias = Callable[[Rng], Image.Image]
SIDE = 224  # as large as the cached images' short sides


def _sheet(rng: Rng) -> tuple[Image.Image, ImageDraw.ImageDraw, tuple[int, int, int]]:
    width, height = int(SIDE * rng.uniform(1, 1.5)), SIDE
    ground = paper(rng)
    image = Image.new("RGB", (width, height), ground)
    return image, ImageDraw.Draw(image), ink(ground)


def lines(rng: Rng) -> Image.Image:
    """Curves in axes: walks, waves, heartbeats' traces, decays."""
    image, draw, colour = _sheet(rng)
    x = np.linspace(0, 1, 160)
    for _ in range(int(rng.integers(1, 5))):
        kind = rng.integers(4)
        if kind == 0:
            y = np.cumsum(rng.normal(size=x.size))
        elif kind == 1:
            y = np.sin(x * rng.uniform(5, 90)) * np.exp(-x * rng.uniform(0, 3))
        elif kind == 2:
            beat = x * rng.uniform(3, 14) % 1
            y = (
                np.exp(-((beat - 0.4) ** 2) / 0.0008)
                - 0.25 * np.exp(-((beat - 0.46) ** 2) / 0.002)
                + 0.2 * np.exp(-((beat - 0.7) ** 2) / 0.006)
            )
        else:
            y = 1 - np.exp(-x * rng.uniform(1, 9)) + rng.normal(size=x.size) * 0.03
        y = (y - y.min()) / (np.ptp(y) + 1e-6)
        low, high = sorted(rng.uniform(0.05, 0.95, 2))
        points = [(float(a * image.width), float(image.height * (high - (high - low) * b))) for a, b in zip(x, y, strict=True)]
        draw.line(points, fill=vivid(rng) if rng.random() < 0.7 else colour, width=int(rng.integers(1, 3)))
    if rng.random() < 0.3:
        step = int(rng.integers(8, 30))
        for at in range(0, image.width, step):
            draw.line((at, 0, at, image.height), fill=(200, 150, 150))
        for at in range(0, image.height, step):
            draw.line((0, at, image.width, at), fill=(200, 150, 150))
    return axes(image, rng) if rng.random() < 0.7 else image


def bars(rng: Rng) -> Image.Image:
    """Bar, pie and box charts, histograms."""
    image, draw, colour = _sheet(rng)
    count = int(rng.integers(3, 24))
    if rng.random() < 0.2:
        box, at = (20, 20, 200, 200), 0.0
        for share in rng.dirichlet(np.ones(min(count, 8))):
            draw.pieslice(box, at, at + 360 * share, fill=vivid(rng) if rng.random() < 0.8 else (140, 140, 140), outline=colour)
            at += 360 * share
        return image
    wide, same = image.width / count, vivid(rng) if rng.random() < 0.6 else (120, 120, 120)
    for i in range(count):
        high = rng.random() * image.height * 0.9
        draw.rectangle(
            (i * wide + 1, image.height - high, (i + 0.8) * wide, image.height), fill=same if rng.random() < 0.7 else vivid(rng)
        )
    return axes(image, rng) if rng.random() < 0.8 else image


def scatter(rng: Rng) -> Image.Image:
    """Points in clouds, stars in the sky, nodes joined as in graphs."""
    image, draw, colour = _sheet(rng)
    count, clouds = int(rng.integers(20, 300)), rng.uniform(0.1, 0.9, (int(rng.integers(1, 5)), 2))
    centre = clouds[rng.integers(0, len(clouds), count)]
    at = (centre + rng.normal(size=(count, 2)) * rng.uniform(0.03, 0.25)) * image.size
    shade = vivid(rng) if rng.random() < 0.5 else colour
    radius = rng.exponential(rng.uniform(0.5, 3), count)
    for (x, y), r in zip(at.tolist(), radius.tolist(), strict=True):
        draw.ellipse((x - r, y - r, x + r, y + r), fill=shade)
    if rng.random() < 0.3:
        for i in range(0, count - 1, 2):
            draw.line((*at[i], *at[i + 1]), fill=colour)
    return axes(image, rng) if rng.random() < 0.5 else image


def spectrogram(rng: Rng) -> Image.Image:
    """Energy over time and frequency: harmonics, sweeps, bursts over noise; grey or in a colour map."""
    t, f = np.linspace(0, 1, 200)[None], np.linspace(0, 1, 140)[:, None]
    field = rng.gamma(1.2, 0.12, (140, 200)) * (1.2 - f * rng.uniform(0, 1))
    for _ in range(int(rng.integers(1, 5))):
        base = rng.uniform(0.03, 0.3) + 0.06 * np.sin(t * rng.uniform(2, 40)) * rng.random() + t * rng.uniform(-0.2, 0.4)
        gate = (np.sin(t * rng.uniform(4, 60) + rng.uniform(0, 6)) > rng.uniform(-0.9, 0.6)).astype(float)
        for k in range(1, int(rng.integers(2, 9))):
            field += gate * np.exp(-(((f - base * k) / rng.uniform(0.006, 0.02)) ** 2)) * rng.uniform(0.3, 1.2) / k**0.5
    image = textures.coloured(np.flipud(np.sqrt(field)), rng)
    return axes(image, rng) if rng.random() < 0.6 else image


def matrix(rng: Rng) -> Image.Image:
    """A confusion matrix or heat map of cells with numbers."""
    n = int(rng.integers(2, 14))
    cells = rng.random((n, n)) ** 2 + np.eye(n) * rng.uniform(0, 2)
    image = textures.coloured(cells, rng, smooth=False).resize((220, 220), Image.Resampling.NEAREST)
    if n < 9 and rng.random() < 0.8:
        draw = ImageDraw.Draw(image)
        for i in range(n * n):
            draw.text(
                ((i % n + 0.3) * 220 / n, (i // n + 0.3) * 220 / n),
                str(int(cells[i // n, i % n] * 99)),
                fill=vivid(rng),
                font=font(12),
            )
    return axes(image, rng) if rng.random() < 0.8 else image


def page(rng: Rng) -> Image.Image:
    """A page of text: columns, headings, tables' rules."""
    image, draw, colour = _sheet(rng)
    face, y = some_font(rng, int(SIDE * rng.uniform(0.6, 1.6))), 6.0
    step = rng.uniform(9, 22)
    while y < image.height:
        draw.text((rng.choice((6, 6, 18)), y), words(rng, 3, 14), fill=colour, font=face)
        if rng.random() < 0.15:
            draw.line((4, y + step - 2, image.width - 4, y + step - 2), fill=colour)
        y += step * (1.7 if rng.random() < 0.15 else 1)
    return image


def screen(rng: Rng) -> Image.Image:
    """Boxes, buttons, menus: a program's window, or a diagram of boxes and arrows."""
    image, draw, colour = _sheet(rng)
    face = some_font(rng, SIDE)
    for _ in range(int(rng.integers(3, 14))):
        x, y = rng.uniform(0, 0.85) * image.width, rng.uniform(0, 0.9) * image.height
        w, h = rng.uniform(15, 140), rng.uniform(8, 60)
        shade = tuple(int(v) for v in rng.integers(0, 256, 3)) if rng.random() < 0.5 else (int(rng.integers(0, 256)),) * 3
        draw.rounded_rectangle(
            (x, y, x + w, y + h), int(rng.integers(0, 8)), fill=shade if rng.random() < 0.6 else None, outline=colour
        )
        if rng.random() < 0.7:
            draw.text((x + 3, y + 3), words(rng, 1, 3), fill=colour, font=face)
        if rng.random() < 0.3:
            draw.line((x + w, y + h / 2, x + w + 40, y + rng.uniform(-40, 40)), fill=colour)
    return image


def mask(rng: Rng) -> Image.Image:
    """Flat shapes on black: what segmentation data sets keep as answers. One to six regions, white, grey or coloured."""
    levels = int(rng.integers(1, 6))
    field = textures.clouds(rng, int(rng.integers(3, 9)))
    cut = np.quantile(field, np.linspace(rng.uniform(0.4, 0.92), 0.99, levels))
    index = np.digitize(field, cut)
    palette = np.array(
        [(0, 0, 0)] + [vivid(rng) if rng.random() < 0.5 else (int(v),) * 3 for v in np.linspace(255, 90, levels)], np.uint8
    )
    if levels == 1 and rng.random() < 0.6:
        palette[1] = 255
    return Image.fromarray(palette[index])


DRAWN: dict[str, tuple[float, Draw]] = {
    "lines": (1.2, lines),
    "bars": (0.7, bars),
    "scatter": (0.9, scatter),
    "spectrogram": (1.2, spectrogram),
    "matrix": (0.5, matrix),
    "page": (0.7, page),
    "screen": (0.8, screen),
    "mask": (0.9, mask),
    **textures.DRAWN,
}


def draw_negative(rng: Rng) -> tuple[Image.Image, str]:
    """One RGB image and the name of its origin, `synthetic-<sort>`."""
    names, shares = list(DRAWN), np.array([share for share, _ in DRAWN.values()])
    name = names[int(rng.choice(len(names), p=shares / shares.sum()))]
    return DRAWN[name][1](rng), f"synthetic-{name}"

"""Composes figures of several panels from labelled images, as papers and teaching pages do, and says where the panels are.

Rows, grids, mixed sizes, slices on black, nested figures, drawn charts; white, black, grey, coloured and no gutters; labels,
captions; JPEG. Seeded: the same rows and seed give the same figures.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GUTTERS = {"white": (255, 255, 255), "black": (0, 0, 0), "grey": (128, 130, 132), "coloured": (20, 40, 90), "none": (255, 255, 255)}
GUTTER_WEIGHTS = (5, 3, 1, 1, 2)
LAYOUTS = ("row", "column", "grid", "mixed", "chart", "nested", "slices")
LABELS = ("none", "corner", "below", "caption")
CONTENT = 14  # grey levels by which a panel must differ from its gutter to count as seen
CONTENT_SHARE = 0.06  # of a line


@dataclass(frozen=True)
class Source:
    """One labelled image; `medical` says what its label says."""

    path: Path
    label: str
    kind: str
    origin: str
    group: str

    @property
    def medical(self) -> bool:
        return self.label != "non_medical"


@dataclass(frozen=True)
class Figure:
    """JPEG bytes, the panels' boxes (left, top, right, bottom) and whether each is medical."""

    data: bytes
    boxes: tuple[tuple[int, int, int, int], ...]
    medical: tuple[bool, ...]
    layout: str
    gutter: str
    labels: str


@dataclass
class Cell:
    box: tuple[int, int, int, int]
    chart: bool = False


def compose(rng: random.Random, pick: Callable[[random.Random], Source], series: Sequence[Sequence[Source]]) -> Figure:
    """`pick`: any image for a panel; `series`: slices of one patient each, for rows of slices."""
    layout, labels = rng.choice(LAYOUTS), rng.choice(LABELS)
    gutter = "black" if layout == "slices" else rng.choices(list(GUTTERS), GUTTER_WEIGHTS)[0]
    if layout in ("chart", "nested") and gutter != "white":
        gutter = rng.choice(("white", "white", "grey"))
    gap = 0 if gutter == "none" else rng.choice((2, 4, 6, 10, 16, 24))
    if layout == "chart":
        gap = max(gap, 8)
    margin = 0 if gutter == "none" and rng.random() < 0.7 else rng.choice((0, 0, gap, 12, 30))
    cells, width, height = _cells(rng, layout, gap, 16 if labels == "below" and gap else 0)
    foot = 40 if labels == "caption" else 20 if labels == "below" else 0
    page = Image.new("RGB", (width + 2 * margin, height + 2 * margin + foot), GUTTERS[gutter])
    draw, ink = ImageDraw.Draw(page), (0, 0, 0) if gutter in ("white", "none") else (255, 255, 255)
    chosen = list(rng.choice(series)) if layout == "slices" else []
    boxes, medical = [], []
    for i, cell in enumerate(cells):
        left, top, right, bottom = (side + margin for side in cell.box)
        source = chosen[i % len(chosen)] if chosen else pick(rng)
        panel = _chart(rng, right - left, bottom - top) if cell.chart else _fit(source, right - left, bottom - top)
        page.paste(panel, (left, top))
        seen = _seen(panel, GUTTERS[gutter]) if gap else (0, 0, right - left, bottom - top)
        boxes.append((left + seen[0], top + seen[1], left + seen[2], top + seen[3]))
        medical.append(not cell.chart and source.medical)
        if labels == "corner":
            draw.text(
                (left + 4, top + 3), f"{chr(97 + i % 26)})", fill=rng.choice(((255, 255, 255), (255, 255, 0))), font=_font(15)
            )
        if labels == "below" and gap:
            draw.text(((left + right) // 2 - 6, bottom + 1), f"({chr(97 + i % 26)})", fill=ink, font=_font(12))
    if labels == "caption":
        words = (
            "Figure 3. Axial and coronal views before and after treatment, with the course of the measured values over time. " * 3
        )
        draw.text((margin + 4, height + 2 * margin + 8), words[: page.width // 7], fill=ink, font=_font(12))
        draw.text((margin + 4, height + 2 * margin + 22), words[page.width // 7 : page.width // 5], fill=ink, font=_font(12))
    out = BytesIO()
    page.save(out, "JPEG", quality=rng.choice((40, 60, 75, 85, 95)), subsampling=rng.choice((0, 2)))
    return Figure(out.getvalue(), tuple(boxes), tuple(medical), layout, gutter, labels)


def _cells(rng: random.Random, layout: str, gap: int, below: int) -> tuple[list[Cell], int, int]:
    side = rng.randrange(110, 260)
    if layout == "row":
        height, x, cells = side, 0, []
        for _ in range(rng.randrange(2, 6)):
            width = round(height * rng.uniform(0.7, 1.5))
            cells.append(Cell((x, 0, x + width, height)))
            x += width + gap
        return cells, x - gap, height + below
    if layout == "column":
        y, cells = 0, []
        for _ in range(rng.randrange(2, 4)):
            height = round(side * rng.uniform(0.7, 1.4))
            cells.append(Cell((0, y, round(side * 1.3), y + height)))
            y += height + gap + below
        return cells, round(side * 1.3), y - gap
    if layout in ("grid", "slices"):
        down, across = rng.choice(
            ((2, 2), (2, 3), (3, 3), (2, 4)) if layout == "grid" else ((1, 3), (1, 4), (2, 2), (2, 3), (3, 4))
        )
        width, height, step = side, round(side * rng.uniform(0.8, 1.2)), gap + below
        cells = [
            Cell((i * (width + gap), j * (height + step), i * (width + gap) + width, j * (height + step) + height))
            for j in range(down)
            for i in range(across)
        ]
        return cells, across * (width + gap) - gap, down * (height + step) - gap
    small = (2 * side - gap - below) // 2
    if layout == "mixed":
        parts = rng.choice((2, 3))
        small = (2 * side - (parts - 1) * (gap + below)) // parts
        cells = [Cell((0, 0, 2 * side, 2 * side))]
        cells += [
            Cell((2 * side + gap, j * (small + gap + below), 2 * side + gap + small, j * (small + gap + below) + small))
            for j in range(parts)
        ]
        return cells, 2 * side + gap + small, 2 * side + below
    if layout == "chart":
        tall = round(side * rng.uniform(0.8, 1.3))
        cells = [Cell((0, 0, side, tall)), Cell((side + gap, 0, side + gap + round(side * 1.4), tall), chart=True)]
        return cells, cells[1].box[2], tall + below
    cells = [
        Cell((i * (small + gap), j * (small + gap + below), i * (small + gap) + small, j * (small + gap + below) + small))
        for j in (0, 1)
        for i in (0, 1)
    ]
    left = 2 * small + gap + max(gap, 10)
    cells.append(Cell((left, 0, left + round(1.5 * side), 2 * small + gap + below), chart=rng.random() < 0.5))
    return cells, cells[-1].box[2], 2 * small + gap + 2 * below


def _fit(source: Source, width: int, height: int) -> Image.Image:
    with Image.open(source.path) as opened:
        image = opened.convert("RGB")
    scale = max(width / image.width, height / image.height)
    image = image.resize(
        (max(width, math.ceil(image.width * scale)), max(height, math.ceil(image.height * scale))), Image.Resampling.BICUBIC
    )
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _seen(panel: Image.Image, ground: tuple[int, int, int]) -> tuple[int, int, int, int]:
    colour = int(np.asarray(Image.new("RGB", (1, 1), ground).convert("L"))[0, 0])
    content = np.abs(np.asarray(panel.convert("L")).astype(int) - colour) > CONTENT
    rows, cols = np.flatnonzero(content.mean(1) > CONTENT_SHARE), np.flatnonzero(content.mean(0) > CONTENT_SHARE)
    if not len(rows) or not len(cols):
        return 0, 0, panel.width, panel.height
    return int(cols[0]), int(rows[0]), int(cols[-1]) + 1, int(rows[-1]) + 1


def _chart(rng: random.Random, width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = 34, 22, width - 8, height - 28
    draw.text((width // 3, 2), "Mean value (n = 42)", fill=(0, 0, 0), font=_font(11))
    draw.text((width // 2 - 20, height - 13), "time (s)", fill=(0, 0, 0), font=_font(11))
    if rng.random() < 0.5:
        draw.rectangle((left, top, right, bottom), outline=(0, 0, 0))
    else:
        draw.line((left, top, left, bottom, right, bottom), fill=(0, 0, 0))
    for i in range(5):
        y = bottom - i * (bottom - top) // 5
        draw.line((left - 3, y, left, y), fill=(0, 0, 0))
        draw.text((left - 26, y - 6), str(i * 20), fill=(0, 0, 0), font=_font(10))
    colours = [tuple(rng.randrange(0, 200) for _ in range(3)) for _ in range(3)]
    if rng.random() < 0.5:
        n = rng.randrange(3, 9)
        for i in range(n):
            x, w = left + 8 + i * (right - left - 12) // n, max(4, (right - left) // (2 * n))
            draw.rectangle((x, rng.randrange(top + 5, bottom - 5), x + w, bottom), fill=colours[i % 3])
    else:
        for colour in colours:
            a, b = rng.uniform(0.2, 0.8), rng.uniform(2, 9)
            points = [(x, bottom - (bottom - top) * (0.5 + 0.45 * a * math.sin(b * x / width + a))) for x in range(left, right, 4)]
            draw.line(points, fill=colour, width=2)
    return image


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)

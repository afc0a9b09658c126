"""What people put on an image: burned-in text, arrows, measure marks, outlines and colour overlays of a region.

Drawn with Pillow at the image's own size, on images of every label alike, so that no mark is a cue. Takes and gives RGB.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Rng = np.random.Generator
Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour: TypeAlias = tuple[int, int, int]

VOCABULARY = (
    "R L A P H F Fig. Figure a) b) (c) axial sagittal coronal view left right before after control case sample test image slice 12 "
    "IM: 34 SE: 2 W: 400 L: 40 kV mA 5 cm 10 mm 50 um 2 MHz depth 12.0 zoom 1.5x 2019-04-11 11:32:07 patient A.B. 045Y M F "
    "hospital university lab department version 1.2 page 3 source: internet copyright all rights reserved model score 0.97 "
    "the and of result shows region marked arrow normal abnormal high low time value index TR 500 TE 15 Mag 200x"
)
WORDS = VOCABULARY.split()
VIVID: tuple[Colour, ...] = (
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (0, 180, 255),
    (255, 0, 255),
    (255, 140, 0),
    (255, 255, 255),
    (0, 0, 0),
)


@cache
def font(size: int, face: int = 0) -> Font:
    """One of a few faces: Pillow's own, and matplotlib's DejaVu where that is installed."""
    if face:
        try:
            import matplotlib  # noqa: PLC0415  (only its fonts, only in training)

            names = ("DejaVuSans.ttf", "DejaVuSerif.ttf", "DejaVuSansMono.ttf", "DejaVuSans-Bold.ttf")
            return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts/ttf" / names[face % len(names)], size)
        except (ImportError, OSError):
            pass
    return ImageFont.load_default(size)


def words(rng: Rng, least: int, most: int) -> str:
    return " ".join(WORDS[i] for i in rng.integers(0, len(WORDS), int(rng.integers(least, most + 1))))


def some_font(rng: Rng, side: int) -> Font:
    return font(max(7, int(side * rng.uniform(0.04, 0.09))), int(rng.integers(5)))


def vivid(rng: Rng) -> Colour:
    return VIVID[int(rng.integers(len(VIVID)))]


def text(image: Image.Image, rng: Rng) -> Image.Image:
    """One to five lines in corners or anywhere, as acquisition data, labels and watermarks are."""
    draw, (width, height) = ImageDraw.Draw(image), image.size
    face, colour = some_font(rng, min(image.size)), vivid(rng)
    for _ in range(int(rng.integers(1, 4))):
        line = "\n".join(words(rng, 1, 4) for _ in range(int(rng.integers(1, 4))))
        x = (0.02, float(rng.uniform(0, 0.8)), 0.65)[int(rng.integers(3))] * width
        y = (0.02, float(rng.uniform(0, 0.9)), 0.85)[int(rng.integers(3))] * height
        draw.text((x, y), line, fill=colour, font=face, stroke_width=int(rng.random() < 0.2), stroke_fill=(0, 0, 0))
    return image


def arrow(image: Image.Image, rng: Rng) -> Image.Image:
    """Arrows, crosses, circles and rectangles that point at something."""
    draw, (width, height) = ImageDraw.Draw(image), image.size
    side, colour = min(image.size), vivid(rng)
    thick = max(1, int(side * rng.uniform(0.005, 0.02)))
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.9) * height
        kind = rng.integers(4)
        r = side * rng.uniform(0.05, 0.2)
        if kind < 2:
            angle = rng.uniform(0, 2 * np.pi)
            draw.line((x, y, x + 2 * r * np.cos(angle), y + 2 * r * np.sin(angle)), fill=colour, width=thick)
            wing = [(x + 0.7 * r * np.cos(angle + d), y + 0.7 * r * np.sin(angle + d)) for d in (-0.4, 0.4)]
            draw.polygon([(x, y), *wing], fill=colour)
        elif kind == 2:
            draw.ellipse((x - r, y - r * 0.8, x + r, y + r * 0.8), outline=colour, width=thick)
        else:
            draw.rectangle((x - r, y - r, x + 1.3 * r, y + r), outline=colour, width=thick)
    return image


def measure(image: Image.Image, rng: Rng) -> Image.Image:
    """Callipers with a dotted line, a scale bar, or a ruler along a side."""
    draw, (width, height) = ImageDraw.Draw(image), image.size
    colour = vivid(rng)
    if rng.random() < 0.5:
        ends = rng.uniform(0.15, 0.85, (2, 2)) * (width, height)
        for x, y in ends:
            draw.line((x - 4, y, x + 4, y), fill=colour)
            draw.line((x, y - 4, x, y + 4), fill=colour)
        for t in np.linspace(0, 1, 18)[1:-1]:
            draw.point(tuple(ends[0] + (ends[1] - ends[0]) * t), fill=colour)
        return image
    step = height / rng.integers(8, 24)
    x = width * (0.02 if rng.random() < 0.5 else 0.98)
    y = 0.0
    while y < height:
        draw.line((x - 3, y, x + 3, y), fill=colour)
        y += step
    return image


def region(image: Image.Image, rng: Rng) -> Image.Image:
    """A smooth closed outline, or a half-transparent patch of colour, or both: what segmentation tools draw."""
    width, height = image.size
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = 1 + 0.25 * np.sin(angles * 2 + rng.uniform(0, 6)) * rng.random() + 0.15 * np.sin(angles * 3 + rng.uniform(0, 6))
    radius = radius * rng.uniform(0.08, 0.33) * min(image.size)
    cx, cy = rng.uniform(0.25, 0.75, 2) * (width, height)
    outline = [(float(cx + r * np.cos(a)), float(cy + r * np.sin(a) * 0.8)) for a, r in zip(angles, radius, strict=True)]
    colour = vivid(rng)
    if rng.random() < 0.5:
        mask = Image.new("L", image.size)
        ImageDraw.Draw(mask).polygon(outline, fill=int(rng.integers(70, 170)))
        image.paste(Image.new("RGB", image.size, colour), (0, 0), mask)
    else:
        ImageDraw.Draw(image).line([*outline, outline[0]], fill=colour, width=int(rng.integers(1, 4)))
    return image

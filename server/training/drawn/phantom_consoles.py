"""Screens of scanners and viewers, drawn: a sonogram among an ultrasound console's bars, words, scales and measures.

Data sets are cropped to the scan; pages and archives show the whole screen.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from server.training.augment.marks import some_font, words
from server.training.drawn.phantom_lights import sonogram
from server.training.drawn.phantom_shapes import blurred
from server.training.drawn.phantom_views import vessels
from server.training.drawn.synthetic_textures import SIDE, Rng, clouds, in_colours

HIGH = 240
Box = tuple[int, int, int, int]


def _flow(rng: Rng, scan: Image.Image) -> Image.Image:
    """Blood's motion in colour within a box: vessels or a jet, hot for power, red and blue for direction."""
    scan = scan.resize((SIDE, SIDE))
    starts = [(rng.uniform(0.3, 0.7) * SIDE, rng.uniform(0.3, 0.7) * SIDE) for _ in range(int(rng.integers(2, 9)))]
    share = np.clip(blurred(vessels(rng, starts, (3, 11), int(rng.integers(5, 25))), 1.2) * 1.4, 0, 1)
    heat = np.clip(share * rng.uniform(0.7, 1.2), 0, 1)
    hot = in_colours(heat, (0, 0.4, 1), ((90, 0, 0), (220, 90, 10), (255, 230, 60)))
    if rng.random() < 0.5:
        hot = np.where((clouds(rng, 6) > 0.75)[..., None], hot, hot[..., ::-1])
    seen = np.asarray(scan, np.float64)
    scan = Image.fromarray((seen * (1 - share[..., None]) + hot * share[..., None]).astype(np.uint8))
    wide, high = rng.uniform(0.25, 0.42, 2) * SIDE
    box = (SIDE / 2 - wide, SIDE / 2 - high, SIDE / 2 + wide, SIDE / 2 + high)
    ImageDraw.Draw(scan).rectangle(box, outline=(230, 230, 230))
    return scan


def _measure(rng: Rng, draw: ImageDraw.ImageDraw, box: Box) -> None:
    """Two crosses and dots between them."""
    ends = [(rng.uniform(box[0], box[2]), rng.uniform(box[1], box[3])) for _ in range(2)]
    tone = ((255, 255, 255), (255, 230, 60), (90, 255, 120))[int(rng.integers(3))]
    for x, y in ends:
        draw.line((x - 4, y, x + 4, y), fill=tone)
        draw.line((x, y - 4, x, y + 4), fill=tone)
    for part in np.linspace(0.05, 0.95, 14):
        x, y = (one + (other - one) * part for one, other in zip(*ends, strict=True))
        draw.point((x, y), fill=tone)


def _words(rng: Rng, draw: ImageDraw.ImageDraw, scan: tuple[int, int], wide: int) -> None:
    """Settings and names around a scan that stands between these heights, its scales, and below it a pulse or a comment."""
    (top, low), face = scan, some_font(rng, HIGH)
    ink = ((235, 235, 235), (150, 200, 255), (255, 220, 120))[int(rng.integers(3))]
    for row in range(int(rng.integers(2, 9))):
        draw.text((3, top + 4 + row * HIGH // 14), words(rng, 1, 2), fill=ink, font=face)
    for x in (0.02, 0.4, 0.72):
        if rng.random() < 0.8:
            draw.text((wide * x, 2), words(rng, 1, 3), fill=ink, font=face)
    if rng.random() < 0.7:  # the scale of greys or of colours
        for y in range(top, low, 2):
            part = 1 - (y - top) / max(1, low - top)
            draw.rectangle((wide - 12, y, wide - 7, y + 1), fill=(int(255 * part),) * 3)
    for y in range(top, low, int(rng.integers(10, 30))):
        draw.line((wide - 5, y, wide - 2, y), fill=ink)
    if low < HIGH * 0.9:
        if rng.random() < 0.4:
            pulse = [(x, HIGH - 8 - 22 * float(np.exp(-(((x / wide * 6 % 1) - 0.5) ** 2) / 0.002))) for x in range(0, wide, 2)]
            draw.line(pulse, fill=(90, 255, 120))
        else:
            draw.text((wide * rng.uniform(0.1, 0.6), low + 2), words(rng, 1, 3), fill=ink, font=face)


def console(rng: Rng) -> Image.Image:
    """The whole screen: scan, half of it empty or two side by side, bars of colour or none, columns of settings, a pulse's line."""
    wide = int(HIGH * rng.uniform(1.15, 2.3))
    ground = (0, 0, 0) if rng.random() < 0.75 else tuple(int(tone) for tone in rng.integers(5, 45, 3))
    image = Image.new("RGB", (wide, HIGH), ground)
    draw = ImageDraw.Draw(image)
    top = int(HIGH * rng.uniform(0.06, 0.2))
    if rng.random() < 0.5:
        draw.rectangle((0, 0, wide, top), fill=tuple(int(tone) for tone in rng.integers(20, 120, 3)))
    left, low = int(wide * rng.uniform(0, 0.25)), int(HIGH * rng.uniform(0.75, 1))
    count = 2 if rng.random() < 0.2 else 1
    side = int((wide * rng.uniform(0.8, 0.95) - left) / count)
    for number in range(count):
        scan = sonogram(rng)
        scan = _flow(rng, scan) if rng.random() < 0.4 else scan
        if rng.random() < 0.25:  # little is to be seen below the first layers
            dark = np.linspace(1.2, -rng.uniform(0, 1.2), scan.height)[:, None, None]
            scan = Image.fromarray((np.asarray(scan) * np.clip(dark, 0, 1)).astype(np.uint8))
        box = (left + number * side, top, left + (number + 1) * side - 2, low)
        image.paste(scan.resize((max(8, box[2] - box[0]), max(8, box[3] - box[1]))), box[:2])
        for _ in range(int(rng.integers(0, 3))):
            _measure(rng, draw, box)
    _words(rng, draw, (top, low), wide)
    return image

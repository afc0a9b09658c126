"""What a scanner makes, for the demonstration: slices that the pydicom wheel ships, and films and fans that are drawn here."""

from __future__ import annotations

import math

import numpy as np
import pydicom
from PIL import Image, ImageDraw, ImageFilter
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_windowing

Array = np.ndarray


def slice_of(name: str, turn: int = 0, inset: float = 0.0, side: int = 512) -> Image.Image:
    """A slice of the wheel over its whole range of greys, turned by quarters and cut by `inset` of its width on each side."""
    dataset = pydicom.dcmread(get_testdata_file(name, download=False))
    pixels = apply_windowing(dataset.pixel_array, dataset).astype(float)
    low, high = np.percentile(pixels, (0.5, 99.8))
    image = Image.fromarray((np.clip((pixels - low) / (high - low), 0, 1) * 255).astype("uint8"))
    width, height = image.size
    image = image.crop((int(width * inset), int(height * inset), int(width * (1 - inset)), int(height * (1 - inset))))
    image = image.rotate(90 * turn, expand=True)
    return image.resize((side, round(side * image.height / image.width)), Image.Resampling.BICUBIC)


def grid(width: int, height: int) -> tuple[Array, Array]:
    """x and y of each pixel, -1 to 1."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return x, y


def blob(x: Array, y: Array, at: tuple[float, float], size: tuple[float, float], edge: float = 0.08) -> Array:
    """1 inside an ellipse, 0 outside, soft between."""
    distance = np.hypot((x - at[0]) / size[0], (y - at[1]) / size[1])
    return 1 / (1 + np.exp(np.clip((distance - 1) / edge, -40, 40)))


def grey(values: Array, seed: int, noise: float = 0.02) -> Image.Image:
    grain = np.random.default_rng(seed).normal(0, noise, values.shape)
    return Image.fromarray((np.clip(values + grain, 0, 1) * 255).astype("uint8"))


def chest(seed: int = 1) -> Image.Image:
    """What a chest film looks like, from afar: two dark lungs, ribs, a heart, a spine."""
    x, y = grid(620, 640)
    tilt = 0.03 * math.sin(seed)
    body = blob(x, y, (0, 0.25), (0.98, 1.25), 0.05) * (0.62 + 0.1 * y)
    lungs = blob(x, y, (-0.42, -0.05 + tilt), (0.31, 0.62), 0.12) + blob(x, y, (0.42, -0.05 - tilt), (0.29, 0.62), 0.12)
    ribs = 0.0 * x
    for number in range(9):
        for side in (-1, 1):
            curve = y - (-0.72 + number * 0.155 + 0.34 * np.clip(np.abs(x) - 0.15, 0, 1) ** 1.7 - 0.12 * (side > 0) * tilt)
            ribs += np.exp(-((curve / 0.022) ** 2)) * (side * x > 0.1) * (np.abs(x) < 0.82)
    spine = np.exp(-((x / 0.09) ** 2)) * (0.2 + 0.05 * np.sin(y * 40))
    heart = blob(x, y, (0.14, 0.33), (0.36, 0.34), 0.1)
    clavicles = sum(np.exp(-(((y + 0.78 - side * 0.18 * (x - side * 0.1)) / 0.03) ** 2)) * (side * x > 0.08) for side in (-1, 1))
    belly = 1 / (1 + np.exp(-(y - 0.62 + 0.25 * (np.abs(x) - 0.4) ** 2) / 0.03))
    values = (
        body - 0.46 * lungs * (1 - 0.85 * heart) + 0.09 * ribs * body + 0.55 * spine * body + 0.12 * clavicles + 0.16 * belly * body
    )
    return grey(values, seed).filter(ImageFilter.GaussianBlur(0.8))


def hand(seed: int = 1) -> Image.Image:
    """Five rays of bones on black, as a film of a hand shows them."""
    image = Image.new("L", (520, 660), 8)
    pen, soft = ImageDraw.Draw(image), Image.new("L", (520, 660), 8)
    flesh = ImageDraw.Draw(soft)
    for number, angle in enumerate((-38, -14, -3, 8, 20)):
        a = math.radians(angle + seed)
        along = (math.sin(a), -math.cos(a))
        start = (260 + along[0] * 70, 520 + along[1] * 70)
        for part, (begin, end, width) in enumerate(((0, 150, 30), (162, 240, 24), (250, 302, 20), (311, 345, 17))):
            short = 0.72 if number == 0 else (0.9 if number == 4 else 1)
            p, q = ((start[0] + along[0] * d * short, start[1] + along[1] * d * short) for d in (begin, end))
            flesh.line((*p, *q), fill=70, width=width + 46)
            pen.line((*p, *q), fill=190, width=width - part)
            for r in (p, q):
                pen.ellipse((r[0] - width * 0.62, r[1] - width * 0.5, r[0] + width * 0.62, r[1] + width * 0.5), fill=205)
    for number in range(8):
        cx, cy = 200 + number % 4 * 38, 520 + number // 4 * 40
        pen.ellipse((cx - 19, cy - 19, cx + 19, cy + 19), fill=180 + number * 4)
    pen.line((225, 590, 215, 660), fill=195, width=40)
    pen.line((290, 590, 300, 660), fill=195, width=30)
    flesh.rounded_rectangle((160, 360, 360, 660), 60, fill=70)
    both = np.maximum(
        np.asarray(soft.filter(ImageFilter.GaussianBlur(9)), float), np.asarray(image.filter(ImageFilter.GaussianBlur(2.5)), float)
    )
    return grey(both / 255, seed)


def ultrasound(seed: int = 1) -> Image.Image:
    """A fan of speckle with a dark cyst and its bright shadow's edge."""
    width, height = 640, 480
    chance = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(width) - width / 2, np.arange(height) + 70.0)
    radius, angle = np.hypot(x, y), np.arctan2(x, y)
    fan = (radius > 110) * (radius < 530) * (np.abs(angle) < 0.62)
    raw = chance.rayleigh(0.5, (height, width))
    speckle = (
        np.asarray(Image.fromarray((np.clip(raw / 2, 0, 1) * 255).astype("uint8")).filter(ImageFilter.GaussianBlur(1.6)), float)
        / 255
    )
    tissue = (
        0.75 - 0.0006 * radius + 0.22 * np.sin(radius / 31 + 2 * np.sin(angle * 5 + seed)) * np.exp(-(((radius - 260) / 150) ** 2))
    )
    cx, cy = -60 + 37 * seed % 130, 250 + seed * 13 % 60
    cyst = blob(x, y, (cx, cy), (74, 52), 0.06)
    behind = np.exp(-(((angle - math.atan2(cx, cy)) / 0.1) ** 2)) * (radius > math.hypot(cx, cy))
    line = np.exp(-(((radius - 200 - 18 * np.cos(angle * 6)) / 5) ** 2))
    values = fan * (1.9 * speckle**1.15 * (tissue * (1 - 0.93 * cyst) + 0.22 * behind * (1 - cyst) + 0.4 * line * (1 - cyst)))
    image = grey(values, seed, 0.004).convert("RGB")
    pen = ImageDraw.Draw(image)
    for tick in range(9):
        pen.line((618, 40 + tick * 50, 630, 40 + tick * 50), fill=(200, 200, 200))
    return image

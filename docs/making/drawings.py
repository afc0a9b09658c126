"""Pictures of the demonstration that no scanner makes: an eye, tissue, hills, charts. All drawn here."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from docs.making.scanned import blob, grid


def fundus(seed: int = 1) -> Image.Image:
    """An orange disc with a bright spot and branching vessels."""
    side = 560
    x, y = grid(side, side)
    disc = blob(x, y, (0, 0), (0.93, 0.93), 0.012)
    shade = disc * (0.62 + 0.28 * (1 - np.hypot(x, y)))
    nerve = blob(x, y, (0.42, 0.02), (0.14, 0.17), 0.12)
    macula = np.exp(-((np.hypot(x + 0.22, y - 0.02) / 0.2) ** 2))
    red, green, blue = (
        shade * 1.15 + nerve * 0.3,
        shade * 0.5 + nerve * 0.5 - macula * 0.1,
        shade * 0.2 + nerve * 0.3 - macula * 0.05,
    )
    image = Image.fromarray((np.clip(np.dstack((red, green, blue)), 0, 1) * 255).astype("uint8"))
    vessels = Image.new("L", (side, side), 0)
    pen, chance = ImageDraw.Draw(vessels), np.random.default_rng(seed)

    def grow(px: float, py: float, angle: float, width: float) -> None:
        while width > 0.8 and math.hypot(px - side / 2, py - side / 2) < side * 0.46:
            qx, qy = px + 7 * math.cos(angle), py + 7 * math.sin(angle)
            pen.line((px, py, qx, qy), fill=210, width=max(1, round(width)))
            px, py, width, angle = qx, qy, width * 0.985, angle + chance.normal(0, 0.11) + 0.012 * math.copysign(1, math.sin(angle))
            if chance.random() < 0.055:
                grow(px, py, angle + chance.choice((-0.6, 0.6)), width * 0.65)

    for start in (-2.2, -1.9, 2.2, 1.9, -0.9, 0.9, 2.9, -2.8):
        grow(side * 0.71, side * 0.51, start, 6)
    dark = Image.new("RGB", (side, side), (96, 18, 12))
    return Image.composite(dark, image, vessels.filter(ImageFilter.GaussianBlur(1)))


def cells(seed: int = 1) -> Image.Image:
    """Pink tissue with purple nuclei, as under a microscope."""
    width, height = 600, 450
    chance = np.random.default_rng(seed)
    clouds = chance.normal(0, 1, (height // 12, width // 12))
    cloud = np.asarray(Image.fromarray(clouds.astype("float32")).resize((width, height), Image.Resampling.BICUBIC))
    base = np.dstack([level + cloud * swing for level, swing in ((226, 9), (160, 20), (202, 11))])
    image = Image.fromarray(np.clip(base, 0, 255).astype("uint8"))
    pen = ImageDraw.Draw(image)
    for _ in range(420):
        cx, cy, r = chance.uniform(0, width), chance.uniform(0, height), chance.uniform(5, 10)
        long, shade = chance.uniform(0.7, 1.4), int(chance.uniform(-25, 30))
        box = (cx - r * long, cy - r / long, cx + r * long, cy + r / long)
        pen.ellipse(box, fill=(98 + shade, 58 + shade, 146 + shade), outline=(70, 40, 120))
        pen.ellipse((cx - 2, cy - 2, cx + 1, cy + 1), fill=(60, 30, 110))
    return image.filter(ImageFilter.GaussianBlur(0.9))


def landscape(seed: int = 1) -> Image.Image:
    """Hills under an evening sky."""
    width, height = 720, 440
    image = Image.new("RGB", (width, height))
    pen = ImageDraw.Draw(image)
    for row in range(height):
        t = row / height
        pen.line((0, row, width, row), fill=(int(90 + 150 * t), int(140 + 60 * t), int(215 - 60 * t)))
    pen.ellipse((480, 90, 550, 160), fill=(255, 236, 190))
    for layer in range(5):
        points = [
            (px, 200 + layer * 45 + 38 * math.sin(px / (60 + 17 * layer) + seed * 2 + layer * 1.7)) for px in range(0, width + 8, 8)
        ]
        colour = (70 - layer * 11, 110 - layer * 15, 112 - layer * 17)
        pen.polygon([(0, height), *points, (width, height)], fill=colour)
    return image.filter(ImageFilter.GaussianBlur(0.7))


def chart(seed: int = 1) -> Image.Image:
    image = Image.new("RGB", (640, 420), "white")
    pen = ImageDraw.Draw(image)
    pen.line((60, 20, 60, 370, 620, 370), fill="black", width=2)
    for bar in range(8):
        tall = (bar * (31 + seed * 6) + seed * 53) % 250 + 40
        pen.rectangle((90 + bar * 64, 369 - tall, 130 + bar * 64, 369), fill=(60, 110 + bar * 12, 190 - seed * 20 % 90))
        pen.text((100 + bar * 64, 378), f"20{15 + bar}", fill="black")
    pen.text((240, 12), "Examinations a year", fill="black")
    return image


def diagram(seed: int = 1) -> Image.Image:
    """Boxes and arrows: a study's flow."""
    image = Image.new("RGB", (600, 460), "white")
    pen = ImageDraw.Draw(image)
    for step, words in enumerate(("Screened", "Eligible", "Included", "Analysed")):
        left, top = 190 + seed % 3 * 12, 30 + step * 108
        pen.rounded_rectangle((left, top, left + 210, top + 62), 10, outline=(40, 80, 140), width=3, fill=(235, 242, 252))
        pen.text((left + 30, top + 24), f"{words} (n = {912 - step * 171 - seed * 7})", fill="black")
        if step < 3:
            pen.line((left + 105, top + 62, left + 105, top + 106), fill=(40, 80, 140), width=3)
    return image


def encoded(image: Image.Image, format: str = "JPEG") -> bytes:
    out = io.BytesIO()
    image.convert("RGB").save(out, format, quality=90)
    return out.getvalue()

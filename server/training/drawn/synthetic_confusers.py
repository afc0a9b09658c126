"""What is no medical image but is taken for one, drawn: anatomy drawings, electron micrographs, scanned luggage, the sky in colour.

Drawn after what such images show, not after any image of the data.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from server.training.augment.marks import some_font, vivid, words
from server.training.drawn.phantom_shapes import as_rgb, blend, blurred, disc, grey, spin
from server.training.drawn.synthetic_textures import SIDE, Rng, clouds


def anatomy(rng: Rng) -> Image.Image:
    """A textbook's drawing: organs in flat or shaded colours with outlines, lines to labels, on white or a tint."""
    x, y = spin(rng, 0.3)
    ground = np.array([(255, 255, 255), (248, 244, 235), (225, 238, 245)])[int(rng.integers(3))]
    rgb = np.ones((SIDE, SIDE, 3)) * ground
    spots = []
    for _ in range(int(rng.integers(2, 9))):
        cx, cy = rng.uniform(-0.6, 0.6, 2)
        wide, high = rng.uniform(0.08, 0.55, 2)
        shape = disc(rng, x, y, cx, cy, wide, high, 0.18)
        tone = np.array(
            [(225, 130, 120), (240, 200, 170), (180, 60, 60), (120, 150, 205), (235, 215, 130), (205, 160, 195), (150, 190, 140)]
        )
        shade = 1 + rng.uniform(0, 0.25) * (0.5 - shape) + rng.uniform(0, 0.1) * (clouds(rng, 12, 2) - 0.7)
        fill = tone[int(rng.integers(7))] * shade[..., None]
        share = np.clip((1 - shape) / 0.03, 0, 1)[..., None] * rng.uniform(0.7, 1)
        rgb = rgb * (1 - share) + share * fill
        rgb = rgb * (1 - rng.uniform(0.3, 0.9) * np.exp(-(((shape - 1) / 0.03) ** 2)))[..., None]
        spots.append(((cx + 1) / 2 * SIDE, (cy + 1) / 2 * SIDE))
    image = as_rgb(rgb)
    draw, face = ImageDraw.Draw(image), some_font(rng, SIDE)
    for u, v in spots[: int(rng.integers(0, 7))]:
        left = u > SIDE / 2
        end = (SIDE * (0.78 if left else 0.02), v + rng.uniform(-20, 20))
        draw.line((u, v, end[0] + (0 if left else 40), end[1]), fill=(20, 20, 20))
        draw.text(end, words(rng, 1, 2), fill=(20, 20, 20) if rng.random() < 0.8 else vivid(rng), font=face)
    return image.convert("L").convert("RGB") if rng.random() < 0.2 else image


def micrograph(rng: Rng) -> Image.Image:
    """Matter under an electron microscope: balls, rods, cracks or sponge with bright edges, and often a bar with letters below."""
    x, y = spin(rng, 3.1)
    kind, height = rng.integers(4), np.zeros((SIDE, SIDE))
    if kind < 2:
        size = float(np.exp(rng.uniform(np.log(0.06), np.log(0.35))))
        for _ in range(int(np.clip(2.5 / size**2, 8, 90))):
            cx, cy, turn = *rng.uniform(-1.1, 1.1, 2), rng.uniform(0, 3.1)
            u, v = (x - cx) * np.cos(turn) - (y - cy) * np.sin(turn), (x - cx) * np.sin(turn) + (y - cy) * np.cos(turn)
            far = np.hypot(u / size, v / (size * (1 if kind else rng.uniform(2, 9))))
            height = np.maximum(height, np.sqrt(np.clip(1 - far**2, 0, 1)) * rng.uniform(0.6, 1))
    elif kind == 2:
        field = clouds(rng, int(rng.integers(5, 25)), 3)
        height = np.tanh(np.abs(field - np.median(field)) * rng.uniform(5, 40))
    else:
        height = np.clip(clouds(rng, int(rng.integers(6, 30)), 4), 0.5, 1.1)
    steep = np.hypot(*np.gradient(blurred(height / max(1, height.max()), 1)))
    field = rng.uniform(0.15, 0.5) + rng.uniform(0.1, 0.5) * height + rng.uniform(0.5, 4) * steep
    image = grey(field + rng.normal(size=field.shape) * rng.uniform(0.01, 0.08), rng)
    if rng.random() < 0.5:
        draw, top = ImageDraw.Draw(image), int(image.height * 0.92)
        draw.rectangle((0, top, image.width, image.height), fill=(0, 0, 0) if rng.random() < 0.6 else (230, 230, 230))
        draw.text((4, top + 1), f"{rng.uniform(1, 30):.0f} kV  x{rng.integers(1, 90) * 500}", fill=(128, 128, 128))
        draw.line((image.width * 0.7, top + 6, image.width * 0.92, top + 6), fill=(160, 160, 160), width=2)
    return image


def luggage(rng: Rng) -> Image.Image:
    """A bag in a scanner at the airport: orange, green and blue shadows over one another on white."""
    light = np.ones((SIDE, SIDE, 3))
    x, y = spin(rng, 0.3)
    for number in range(int(rng.integers(6, 22))):
        dye = np.array([(0.1, 0.35, 0.8), (0.35, 0.1, 0.5), (0.7, 0.35, 0.05), (0.5, 0.5, 0.5)])[
            int(rng.choice(4, p=(0.5, 0.2, 0.2, 0.1)))
        ]
        u, v = (x, y) if number == 0 else spin(rng, 3.1)
        wide, high = (0.85, 0.7) if number == 0 else rng.uniform(0.03, 0.4, 2)
        u, v = (u, v) if number == 0 else (u - rng.uniform(-0.6, 0.6), v - rng.uniform(-0.5, 0.5))
        box = np.maximum(np.abs(u) / wide, np.abs(v) / high) if rng.random() < 0.6 else np.hypot(u / wide, v / high)
        shade = np.clip((1 - box) / 0.03, 0, 1) * (0.5 + 0.5 * np.exp(-(((box - 0.93) / 0.06) ** 2)))
        light = light * np.exp(-rng.uniform(0.2, 1.5) * shade[..., None] * dye * (0.3 if number == 0 else 1))
    return as_rgb(255 * light).convert("L").convert("RGB") if rng.random() < 0.2 else as_rgb(255 * light)


def heavens(rng: Rng) -> Image.Image:
    """Stars with crosses, coloured gas, a planet or a spiral."""
    rgb = np.zeros((SIDE, SIDE, 3))
    for _ in range(int(rng.integers(0, 4))):
        gas = np.clip(clouds(rng, int(rng.integers(2, 6)), 5) - rng.uniform(0.6, 1.2), 0, 1) ** 1.5
        rgb += gas[..., None] * rng.uniform(0, 300, 3)
    x, y = spin(rng, 3.1)
    look = rng.random()
    if look < 0.3:
        far, turn = np.hypot(x, y * rng.uniform(1, 3)), np.arctan2(y, x)
        arms = 0.5 + 0.5 * np.cos(2 * turn - rng.uniform(4, 10) * np.log(far + 0.05))
        rgb += (np.exp(-far * rng.uniform(2, 5)) * (0.4 + arms) * (0.6 + 0.5 * clouds(rng, 20, 3)))[..., None] * rng.uniform(
            120, 255, 3
        )
    elif look < 0.6:
        ball = np.hypot(x - rng.uniform(-0.4, 0.4), y - rng.uniform(-0.4, 0.4)) / rng.uniform(0.2, 0.9)
        light = np.sqrt(np.clip(1 - ball**2, 0, 1)) * np.clip(0.5 + x * rng.uniform(-1, 1) + y, 0.05, 1)
        face = 0.6 + 0.5 * clouds(rng, 9, 5) + rng.uniform(0, 0.3) * np.sin(y * rng.uniform(5, 30) + clouds(rng, 4))
        rgb = blend(rgb[..., 0], 1 - ball, 0, 0.02)[..., None] + (light * face)[..., None] * rng.uniform(90, 255, 3)
    image = as_rgb(rgb)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(0, 250))):
        u, v, size = *rng.uniform(0, SIDE, 2), rng.exponential(0.5)
        tone = tuple(int(c) for c in np.clip(rng.normal(225, 30, 3), 0, 255))
        draw.ellipse((u - size, v - size, u + size, v + size), fill=tone)
        if size > 1.6:
            draw.line((u - 5 * size, v, u + 5 * size, v), fill=tone)
            draw.line((u, v - 5 * size, u, v + 5 * size), fill=tone)
    return image.convert("L").convert("RGB") if rng.random() < 0.25 else image


DRAWN: dict[str, Callable[[Rng], Image.Image]] = {
    "anatomy": anatomy, "micrograph": micrograph, "luggage": luggage, "heavens": heavens,
}  # fmt: skip

"""What stands around an image on real pages: borders, plot axes with a colour bar, viewer chrome, a window, slides, collages.

Each function takes an RGB image and gives a larger or reshaped one that shows the same thing; drawn for every label alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from server.training.augment.marks import Colour, font, some_font, vivid, words

Rng = np.random.Generator
PAPERS: tuple[Colour, ...] = (
    (255, 255, 255),
    (0, 0, 0),
    (245, 245, 245),
    (24, 24, 24),
    (128, 128, 128),
    (20, 30, 60),
    (235, 228, 210),
)


def paper(rng: Rng) -> Colour:
    return PAPERS[int(rng.choice(len(PAPERS), p=(0.36, 0.34, 0.08, 0.08, 0.05, 0.05, 0.04)))]


def ink(ground: Colour) -> Colour:
    return (0, 0, 0) if sum(ground) > 380 else (230, 230, 230)


def on_canvas(image: Image.Image, margins: tuple[int, int, int, int], ground: Colour) -> Image.Image:
    """The image on a larger sheet; margins are left, top, right, bottom in pixels."""
    left, top, right, bottom = margins
    canvas = Image.new("RGB", (image.width + left + right, image.height + top + bottom), ground)
    canvas.paste(image, (left, top))
    return canvas


def border(image: Image.Image, rng: Rng) -> Image.Image:
    """An even or lop-sided margin; or black bars that make it square."""
    if rng.random() < 0.3:
        side = max(image.size)
        dx, dy = (side - image.width) // 2, (side - image.height) // 2
        return on_canvas(image, (dx, dy, dx, dy), paper(rng))
    most = 0.3 if rng.random() < 0.3 else 0.12
    sides = rng.uniform(0, most, 4) * min(image.size)
    return on_canvas(image, (int(sides[0]), int(sides[1]), int(sides[2]), int(sides[3])), paper(rng))


def axes(image: Image.Image, rng: Rng) -> Image.Image:
    """As plotting libraries show arrays: ticks, numbers, a title, axis names, often a colour bar."""
    side = min(image.size)
    ground: Colour = (255, 255, 255) if rng.random() < 0.85 else paper(rng)
    colour = ink(ground)
    left, top, right, bottom = (int(side * share) for share in rng.uniform((0.08, 0.04, 0.03, 0.07), (0.22, 0.2, 0.12, 0.2)))
    bar = rng.random() < 0.45
    gap, thick = max(3, side // 30), max(5, int(side * rng.uniform(0.03, 0.07)))
    sheet = on_canvas(image, (left, top, right + (gap + 3 * thick if bar else 0), bottom), ground)
    draw, size = ImageDraw.Draw(sheet), max(7, side // 20)
    face = font(size, int(rng.integers(5)))
    right_edge, low_edge = left + image.width, top + image.height
    draw.rectangle((left - 1, top - 1, right_edge, low_edge), outline=colour)
    ticks = int(rng.integers(3, 7))
    scale = int(rng.choice((1, 2, 5, 10, 50, 100)))
    for i in range(ticks):
        x, y = left + image.width * i // ticks, top + image.height * i // ticks
        draw.line((x, low_edge, x, low_edge + 3), fill=colour)
        draw.line((left - 4, y, left, y), fill=colour)
        draw.text((x - size // 2, low_edge + 3), str(i * scale), fill=colour, font=face)
        draw.text((left - 4, y), str(i * scale), fill=colour, font=face, anchor="rm")
    if rng.random() < 0.7:
        draw.text((left + image.width // 2, top // 2), words(rng, 1, 4), fill=colour, font=face, anchor="mm")
    if bar:
        ramp = np.linspace(255, 0, image.height)[:, None].repeat(thick, 1)
        stripe = Image.fromarray(ramp.astype(np.uint8)).convert("RGB")
        if rng.random() < 0.4:
            stripe = stripe.point(_rainbow(rng))
        sheet.paste(stripe, (right_edge + gap, top))
        for i in range(4):
            draw.text((right_edge + gap + thick + 2, top + image.height * i // 4), str((4 - i) * scale), fill=colour, font=face)
    return sheet


def _rainbow(rng: Rng) -> list[int]:
    ramp = np.arange(256) / 255
    waves = [np.clip(1.5 - np.abs(4 * ramp - centre), 0, 1) for centre in (3, 2, 1)]
    if rng.random() < 0.5:
        waves = [np.clip(ramp * k, 0, 1) for k in (3.0, 1.5, 1.0)]
    return [int(value * 255) for value in np.concatenate(waves)]


def chrome(image: Image.Image, rng: Rng) -> Image.Image:
    """A viewer's or browser's window: bars, buttons, a list at the side."""
    side = min(image.size)
    low, high = (20, 70) if rng.random() < 0.6 else (200, 250)
    red, green, blue = (int(value) for value in rng.integers(low, high, 3))
    bar: Colour = (red, green, blue)
    top, left = int(side * rng.uniform(0.06, 0.14)), int(side * rng.uniform(0, 0.3)) if rng.random() < 0.5 else 0
    bottom = int(side * rng.uniform(0, 0.08))
    sheet = on_canvas(image, (left, top, 0, bottom), bar)
    draw, colour, face = ImageDraw.Draw(sheet), ink(bar), font(max(7, side // 24), int(rng.integers(5)))
    x = 4
    while x < sheet.width - 12:
        size = int(rng.integers(top // 3 + 1, top // 2 + 6))
        if rng.random() < 0.6:
            draw.rectangle((x, top // 4, x + size, top * 3 // 4), outline=colour, fill=vivid(rng) if rng.random() < 0.2 else None)
        else:
            draw.text((x, top // 4), words(rng, 1, 1), fill=colour, font=face)
            size += 14
        x += size + int(rng.integers(3, 20))
    if left > 20:
        for y in range(top + 6, sheet.height - 10, max(12, side // 12)):
            draw.text((4, y), words(rng, 1, 2)[: left // 5], fill=colour, font=face)
    return sheet


def slide(image: Image.Image, rng: Rng) -> Image.Image:
    """A page or slide: a heading, some lines of text, the image large among them, a caption below."""
    side = min(image.size)
    ground = paper(rng)
    colour, face = ink(ground), some_font(rng, side)
    top, bottom = int(side * rng.uniform(0.05, 0.25)), int(side * rng.uniform(0.05, 0.25))
    around = int(side * rng.uniform(0.02, 0.2))
    sheet = on_canvas(image, (around, top, around, bottom), ground)
    draw = ImageDraw.Draw(sheet)
    for y in (2, top // 2) if rng.random() < 0.6 else (top // 4,):
        draw.text((around, y), words(rng, 2, 6), fill=colour, font=face)
    draw.text((around, top + image.height + 3), words(rng, 4, 9) + "\n" + words(rng, 3, 9), fill=colour, font=face)
    return sheet


def circle(image: Image.Image, rng: Rng) -> Image.Image:
    """A round window, as eyepieces, endoscopes and avatars have."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    mask = Image.new("L", (side, side))
    inset = int(side * rng.uniform(0, 0.06))
    ImageDraw.Draw(mask).ellipse((inset, inset, side - inset, side - inset), fill=255)
    out = Image.new("RGB", (side, side), (0, 0, 0) if rng.random() < 0.7 else (255, 255, 255))
    out.paste(image, (0, 0), mask)
    return out


def collage(images: Sequence[Image.Image], rng: Rng) -> Image.Image:
    """Two to four images of one label in a row, a column or a grid, with or without gutters and letters."""
    count, cell = len(images), 150
    across = 2 if count == 4 else (count if rng.random() < 0.65 else 1)
    down = -(-count // across)
    gap, ground = int(rng.choice((0, 1, 3, 8))), paper(rng)
    high = cell if across < 3 else int(cell * 1.2)
    sheet = Image.new("RGB", (across * cell + (across + 1) * gap, down * high + (down + 1) * gap), ground)
    letters, draw = rng.random() < 0.4, ImageDraw.Draw(sheet)
    for i, image in enumerate(images):
        x, y = gap + i % across * (cell + gap), gap + i // across * (high + gap)
        sheet.paste(image.resize((cell, high), Image.Resampling.BILINEAR), (x, y))
        if letters:
            draw.text((x + 3, y + 2), "abcd"[i] + (")" if gap else ""), fill=vivid(rng), font=font(14, 1))
    return sheet

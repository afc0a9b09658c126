"""What shows scans and figures among other things: slides, viewing programs, web pages and pages of papers.

Each layout takes a `Supply` of images and gives a Sheet, as those of composed_figures.py do.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from server.training.augment.frames import chrome, ink, paper
from server.training.augment.marks import Colour, font, vivid, words
from server.training.parts import composed_panels as panels
from server.training.parts.composed_figures import WHITE, Rng, Supply, grid, image_panel, panel_beside, rows_of_slices, with_chart
from server.training.parts.composed_panels import Sheet, moved


def slide(supply: Supply, rng: Rng) -> Sheet:
    """A slide: heading, bullets, one or two images somewhere, perhaps a chart, a logo, a page number."""
    width, high = (960, 720) if rng.random() < 0.5 else (960, 540)
    ground = paper(rng) if rng.random() < 0.6 else WHITE
    sheet = Sheet(Image.new("RGB", (width, high), ground))
    draw, top = ImageDraw.Draw(sheet.image), int(high * rng.uniform(0.12, 0.2))
    if rng.random() < 0.3:
        draw.rectangle((0, 0, width, top), fill=vivid(rng) if rng.random() < 0.3 else (30, 50, 90))
    draw.text((width * 0.05, top * 0.25), words(rng, 2, 6), fill=ink(ground), font=font(int(high * 0.06), 4))
    count = int(rng.choice((1, 1, 2, 2, 3)))
    side = int(min(width / (count + 0.5), high - top) * rng.uniform(0.35, 0.95))
    block = panels.text_block(rng, int(width * 0.9), high - top - 10, ground, int(high * rng.uniform(0.03, 0.06)))
    sheet.put(block, int(width * 0.05), top)
    y = int(rng.uniform(top, max(top + 1, high - side - 8)))
    x = int(rng.uniform(0, max(1, width - count * (side + 8))))
    for k, one in enumerate(supply.series(rng, count) if rng.random() < 0.6 else [supply.one(rng) for _ in range(count)]):
        sheet.put(
            panels.fitted(panels.marked(one, rng) if rng.random() < 0.3 else one, side, side, rng, ground), x + k * (side + 8), y
        )
    if rng.random() < 0.25 and y > top + 80:
        sheet.put(panel_beside(supply, rng, int(width * 0.4), y - top - 6), int(width * 0.55), top)
    return sheet


def viewer(supply: Supply, rng: Rng) -> Sheet:
    """A viewing program: one, two or four views, or a strip of small ones beside a large one, in dark or light bars."""
    across, down = ((1, 1), (2, 1), (2, 2), (3, 1), (3, 2))[int(rng.integers(5))]
    side = int(rng.integers(200, 340))
    sheet = Sheet(Image.new("RGB", (across * (side + 2), down * (side + 2)), (0, 0, 0)))
    for k, plain in enumerate(supply.series(rng, across * down)):
        one = panels.marked(plain, rng) if rng.random() < 0.4 else plain
        sheet.put(panels.fitted(one, side, side, rng, (0, 0, 0)), k % across * (side + 2), k // across * (side + 2))
    return _in_window(sheet, rng)


def _in_window(inner: Sheet, rng: Rng) -> Sheet:
    """`inner` with bars, buttons and lists around it; the margins are found by comparing sizes."""
    blank = Image.new("RGB", inner.size, (1, 2, 3))
    seed = int(rng.integers(2**31))
    whole, probe = chrome(inner.image, np.random.default_rng(seed)), chrome(blank, np.random.default_rng(seed))
    at = np.argwhere((np.asarray(probe) == (1, 2, 3)).all(2))
    top, left = (int(v) for v in at.min(0)) if len(at) else (0, 0)
    sheet = Sheet(whole)
    sheet.parts = [(label, moved(box, left, top)) for label, box in inner.parts]
    return sheet


def web_page(supply: Supply, rng: Rng) -> Sheet:
    """A screenshot of a page: a bar, a heading, columns of text, images of several sizes among them."""
    width, high = int(rng.integers(700, 1100)), int(rng.integers(500, 1000))
    ground: Colour = WHITE if rng.random() < 0.8 else (245, 245, 245)
    sheet = Sheet(Image.new("RGB", (width, high), ground))
    draw, bar = ImageDraw.Draw(sheet.image), int(high * rng.uniform(0.04, 0.12))
    draw.rectangle((0, 0, width, bar), fill=vivid(rng) if rng.random() < 0.3 else tuple(int(v) for v in rng.integers(20, 240, 3)))
    draw.text((12, bar // 4), words(rng, 2, 6), fill=WHITE, font=font(max(10, bar // 3), 4))
    columns = int(rng.choice((1, 2, 2, 3)))
    wide, size = width // columns - 16, int(rng.integers(9, 16))
    for column in range(columns):
        y, x = bar + 8, 8 + column * (wide + 16)
        while y < high - 60:
            tall = int(rng.uniform(50, 220))
            tall = min(tall, high - y - 4)
            if rng.random() < 0.4 and tall > 60:
                across = int(min(wide, tall * rng.uniform(1, 1.6)))
                sheet.put(
                    image_panel(supply, rng, across, tall, ground)
                    if rng.random() < 0.7
                    else panel_beside(supply, rng, across, tall),
                    x,
                    y,
                )
            else:
                sheet.put(panels.text_block(rng, wide, tall, ground, size), x, y)
            y += tall + 8
    return sheet


def paper_page(supply: Supply, rng: Rng) -> Sheet:
    """A page of a paper: two columns of small text and a figure at the top, the foot or in a column."""
    width, high = 760, 1000
    sheet = Sheet(Image.new("RGB", (width, high), WHITE))
    for x in (40, 390):
        sheet.put(panels.text_block(rng, 330, high - 80, WHITE, int(rng.integers(8, 12))), x, 40)
    inner = (rows_of_slices, grid, with_chart)[int(rng.integers(3))](supply, rng)
    wide = 330 if rng.random() < 0.5 else 680
    scale = min(wide / inner.size[0], 420 / inner.size[1])
    inner = inner.resized(max(40, round(inner.size[0] * scale)), max(40, round(inner.size[1] * scale)))
    x, y = (40 if wide > 400 or rng.random() < 0.5 else 390), int(rng.uniform(40, high - 60 - inner.size[1]))
    ImageDraw.Draw(sheet.image).rectangle((x - 4, y - 4, x + wide + 4, y + inner.size[1] + 24), fill=WHITE)
    sheet.put(inner, x + (wide - inner.size[0]) // 2, y)
    return sheet

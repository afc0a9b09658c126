"""How figures, slides, viewers and web pages are laid out: fields of a sheet, and what may stand in each.

Each layout takes a `Source` of images and gives a Sheet of any size. Fed with images that are not medical alone, the same
layouts give the negatives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from PIL import Image, ImageDraw

from server.training.augment.frames import chrome, ink, paper
from server.training.augment.marks import Colour, font, vivid, words
from server.training.parts import composed_panels as panels
from server.training.parts.composed_panels import Sheet, Shown, moved

Rng = np.random.Generator
WHITE: Colour = (255, 255, 255)
GAPS = (0, 2, 4, 8, 14, 24)


class Source(Protocol):
    """Where a figure's images come from."""

    def one(self, rng: Rng) -> Shown: ...

    def series(self, rng: Rng, count: int) -> list[Shown]:
        """`count` images of one origin, as slices of a volume or cases of a study are shown."""
        ...

    def other(self, rng: Rng) -> Shown:
        """An image that is not medical and stands beside: chart, diagram, photo, document."""
        ...


def rows_of_slices(source: Source, rng: Rng) -> Sheet:
    """One to five rows of slices with titles or letters; rows may be inputs, masks, overlays, heat maps or colour-mapped copies."""
    across, down = int(rng.integers(2, 8)), int(rng.choice((1, 1, 2, 2, 3, 4, 5)))
    ground: Colour = WHITE if rng.random() < 0.6 else (0, 0, 0) if rng.random() < 0.8 else paper(rng)
    side, gap = int(np.clip(900 / across, 60, 220)), int(rng.choice(GAPS))
    high = round(side * rng.uniform(0.8, 1.25))
    names = int(side * 0.5) if rng.random() < 0.3 else 0
    head = int(side * rng.uniform(0.08, 0.16)) if rng.random() < 0.5 else 0
    sheet = Sheet(Image.new("RGB", (names + across * (side + gap) + gap, head + down * (high + gap) + gap), ground))
    draw, face = ImageDraw.Draw(sheet.image), font(max(8, side // 10), int(rng.integers(5)))
    shown = source.series(rng, across)
    for j in range(down):
        way = rng.random() if j else 0.0
        if names:
            draw.text((3, head + j * (high + gap) + high // 2), words(rng, 1, 2)[: names // 6], fill=ink(ground), font=face)
        for i in range(across):
            one = shown[i] if way < 0.7 or across > 5 else source.one(rng)
            x, y = names + gap + i * (side + gap), head + gap + j * (high + gap)
            if head and not j:
                draw.text((x + side // 2, 2), words(rng, 1, 2)[: side // 6], fill=ink(ground), font=face, anchor="ma")
            sheet.put(_row_cell(one, way, side, high, rng, ground), x, y)
    return sheet


def _row_cell(one: Shown, way: float, side: int, high: int, rng: Rng, ground: Colour) -> Sheet:
    if 0.2 < way < 0.35:
        return panels.mask_of(one, rng, side, high)
    if 0.35 < way < 0.5:
        return panels.fitted(panels.heated(one, rng), side, high, rng, ground)
    if 0.5 < way < 0.7:
        one = panels.marked(one, rng)
    if rng.random() < 0.15:
        return panels.titled(one, side, high, rng, ground)
    return panels.fitted(one, side, high, rng, ground)


def grid(source: Source, rng: Rng) -> Sheet:
    """Two to twelve panels: images of any kinds, charts, text among them."""
    across, down = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    if across * down == 1:
        across = 2
    ground = WHITE if rng.random() < 0.7 else paper(rng)
    side, gap, letters = int(rng.integers(110, 260)), int(rng.choice(GAPS)), rng.random() < 0.5
    high = round(side * rng.uniform(0.75, 1.25))
    sheet = Sheet(Image.new("RGB", (across * (side + gap) + gap, down * (high + gap) + gap), ground))
    draw, share = ImageDraw.Draw(sheet.image), rng.uniform(0.25, 1.0)
    must = int(rng.integers(across * down))
    for k in range(across * down):
        x, y = gap + k % across * (side + gap), gap + k // across * (high + gap)
        sheet.put(
            _image(source, rng, side, high, ground) if k == must or rng.random() < share else _beside(source, rng, side, high),
            x,
            y,
        )
        if letters:
            colour = vivid(rng) if gap < 8 else ink(ground)
            draw.text(
                (x + 3, y + 2),
                "ABCDEFGHIJKLMNOP"[k] + (")" if rng.random() < 0.3 else ""),
                fill=colour,
                font=font(max(10, side // 9), 4),
            )
    return sheet


def with_chart(source: Source, rng: Rng) -> Sheet:
    """One or a few scans beside or above a chart, a diagram or a table."""
    count, side, gap = int(rng.integers(1, 4)), int(rng.integers(120, 240)), int(rng.choice(GAPS[2:]))
    upright = rng.random() < 0.35
    wide = int(side * rng.uniform(0.9, 2.6))
    stack = count > 1 and rng.random() < 0.5
    high = (side + gap) * count if stack else side
    if upright:
        sheet = Sheet(Image.new("RGB", ((side + gap) * count, side * 2 + gap), WHITE))
        for k, one in enumerate(source.series(rng, count)):
            sheet.put(panels.fitted(one, side, side, rng, WHITE), k * (side + gap), 0)
        sheet.put(_beside(source, rng, sheet.size[0], side), 0, side + gap)
        return sheet
    first = rng.random() < 0.5
    width = side if stack else (side + gap) * count
    sheet = Sheet(Image.new("RGB", (width + wide + 2 * gap, high), WHITE))
    at = 0 if first else wide + gap
    for k, one in enumerate(source.series(rng, count)):
        sheet.put(
            panels.fitted(one, side, side, rng, WHITE), at if stack else at + k * (side + gap), k * (side + gap) if stack else 0
        )
    sheet.put(_beside(source, rng, wide, high), width + gap if first else 0, 0)
    return sheet


def workflow(source: Source, rng: Rng) -> Sheet:
    """A method's drawing: small scans, blocks, arrows and words from left to right."""
    width, high = int(rng.integers(600, 1300)), int(rng.integers(200, 420))
    sheet = Sheet(Image.new("RGB", (width, high), WHITE))
    draw, x = ImageDraw.Draw(sheet.image), int(width * 0.02)
    while x < width * 0.9:
        side = int(high * rng.uniform(0.25, 0.6))
        chance = rng.random()
        y = int((high - side) * rng.uniform(0.2, 0.8))
        if chance < 0.4 or x < width * 0.05:
            for k in range(int(rng.choice((1, 1, 2, 3)))):
                if y + k * 8 + side < high and x + k * 8 + side < width:
                    sheet.put(panels.fitted(source.one(rng), side, side, rng, WHITE, cover=True), x + k * 8, y + k * 8)
            x += side + 20
        elif chance < 0.8:
            wide = int(width * rng.uniform(0.12, 0.3))
            sheet.put(panels.boxes_and_arrows(rng, min(wide, width - x - 2), side), x, y)
            x += wide
        else:
            sheet.put(
                panels.drawn(rng, min(side, width - x - 2), side) if x + 24 < width else Sheet(Image.new("RGB", (2, 2))), x, y
            )
            x += side
        draw.line((x, high // 2, x + 16, high // 2), fill=(30, 30, 30), width=3)
        draw.text((x, int(high * 0.9)), words(rng, 1, 3), fill=(0, 0, 0), font=font(max(9, high // 22)))
        x += 24
    return sheet


def slide(source: Source, rng: Rng) -> Sheet:
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
    for k, one in enumerate(source.series(rng, count) if rng.random() < 0.6 else [source.one(rng) for _ in range(count)]):
        sheet.put(
            panels.fitted(panels.marked(one, rng) if rng.random() < 0.3 else one, side, side, rng, ground), x + k * (side + 8), y
        )
    if rng.random() < 0.25 and y > top + 80:
        sheet.put(_beside(source, rng, int(width * 0.4), y - top - 6), int(width * 0.55), top)
    return sheet


def viewer(source: Source, rng: Rng) -> Sheet:
    """A viewing program: one, two or four views, or a strip of small ones beside a large one, in dark or light bars."""
    across, down = ((1, 1), (2, 1), (2, 2), (3, 1), (3, 2))[int(rng.integers(5))]
    side = int(rng.integers(200, 340))
    sheet = Sheet(Image.new("RGB", (across * (side + 2), down * (side + 2)), (0, 0, 0)))
    for k, plain in enumerate(source.series(rng, across * down)):
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


def web_page(source: Source, rng: Rng) -> Sheet:
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
                    _image(source, rng, across, tall, ground) if rng.random() < 0.7 else _beside(source, rng, across, tall), x, y
                )
            else:
                sheet.put(panels.text_block(rng, wide, tall, ground, size), x, y)
            y += tall + 8
    return sheet


def paper_page(source: Source, rng: Rng) -> Sheet:
    """A page of a paper: two columns of small text and a figure at the top, the foot or in a column."""
    width, high = 760, 1000
    sheet = Sheet(Image.new("RGB", (width, high), WHITE))
    for x in (40, 390):
        sheet.put(panels.text_block(rng, 330, high - 80, WHITE, int(rng.integers(8, 12))), x, 40)
    inner = (rows_of_slices, grid, with_chart)[int(rng.integers(3))](source, rng)
    wide = 330 if rng.random() < 0.5 else 680
    scale = min(wide / inner.size[0], 420 / inner.size[1])
    inner = inner.resized(max(40, round(inner.size[0] * scale)), max(40, round(inner.size[1] * scale)))
    x, y = (40 if wide > 400 or rng.random() < 0.5 else 390), int(rng.uniform(40, high - 60 - inner.size[1]))
    ImageDraw.Draw(sheet.image).rectangle((x - 4, y - 4, x + wide + 4, y + inner.size[1] + 24), fill=WHITE)
    sheet.put(inner, x + (wide - inner.size[0]) // 2, y)
    return sheet


def nested(source: Source, rng: Rng) -> Sheet:
    """A figure of figures: two of the other layouts side by side or one above the other."""
    first, second = ((rows_of_slices, grid, with_chart)[int(i)](source, rng) for i in rng.integers(0, 3, 2))
    if rng.random() < 0.5:
        high = 400
        parts = [part.resized(max(40, round(part.size[0] * high / part.size[1])), high) for part in (first, second)]
        sheet = Sheet(Image.new("RGB", (parts[0].size[0] + parts[1].size[0] + 12, high), WHITE))
        sheet.put(parts[0], 0, 0)
        sheet.put(parts[1], parts[0].size[0] + 12, 0)
        return sheet
    wide = 700
    parts = [part.resized(wide, max(40, round(part.size[1] * wide / part.size[0]))) for part in (first, second)]
    sheet = Sheet(Image.new("RGB", (wide, parts[0].size[1] + parts[1].size[1] + 12), WHITE))
    sheet.put(parts[0], 0, 0)
    sheet.put(parts[1], 0, parts[0].size[1] + 12)
    return sheet


def _image(source: Source, rng: Rng, width: int, height: int, ground: Colour) -> Sheet:
    one, chance = source.one(rng), rng.random()
    if chance < 0.2:
        one = panels.marked(one, rng)
    elif chance < 0.26:
        one = panels.heated(one, rng)
    if chance > 0.85:
        return panels.plotted(one, width, height, rng)
    return panels.titled(one, width, height, rng, ground) if chance > 0.7 else panels.fitted(one, width, height, rng, ground)


def _beside(source: Source, rng: Rng, width: int, height: int) -> Sheet:
    chance = rng.random()
    if chance < 0.4:
        return panels.drawn(rng, width, height)
    if chance < 0.5:
        return panels.text_block(rng, width, height, WHITE)
    if chance < 0.6:
        return panels.boxes_and_arrows(rng, width, height)
    if chance < 0.65:
        return panels.mask_of(source.one(rng), rng, width, height)
    return panels.fitted(source.other(rng), width, height, rng, WHITE)


# How often each, by eye from papers' and projects' pages.
LAYOUTS: tuple[tuple[float, Callable[[Source, Rng], Sheet]], ...] = (
    (0.24, rows_of_slices), (0.16, grid), (0.14, with_chart), (0.10, workflow), (0.10, slide), (0.08, viewer), (0.06, web_page),
    (0.04, paper_page), (0.08, nested),
)  # fmt: skip

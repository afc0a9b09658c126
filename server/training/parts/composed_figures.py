"""Figures as papers show them: rows of slices, grids, scans beside charts, workflows, and figures of figures.

Each layout takes a `Supply` of images and gives a Sheet of any size. Given images that are not medical alone, the same layouts give
the negatives.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from PIL import Image, ImageDraw

from server.training.augment.frames import ink, paper
from server.training.augment.marks import Colour, font, vivid, words
from server.training.parts import composed_panels as panels
from server.training.parts.composed_panels import LabelledImage, Sheet

Rng = np.random.Generator
WHITE: Colour = (255, 255, 255)
GAPS = (0, 2, 4, 8, 14, 24)  # pixels between panels


class Supply(Protocol):
    """Where a figure's images come from."""

    def one(self, rng: Rng) -> LabelledImage: ...

    def series(self, rng: Rng, count: int) -> list[LabelledImage]:
        """`count` images of one origin, as slices of a volume or cases of a study are shown."""
        ...

    def other(self, rng: Rng) -> LabelledImage:
        """An image that is not medical, to stand beside scans: chart, diagram, photo, document."""
        ...


def rows_of_slices(supply: Supply, rng: Rng) -> Sheet:
    """One to five rows of slices with titles or letters; rows may be inputs, masks, overlays, heat maps or colour-mapped copies."""
    across, down = int(rng.integers(2, 8)), int(rng.choice((1, 1, 2, 2, 3, 4, 5)))
    ground: Colour = WHITE if rng.random() < 0.6 else (0, 0, 0) if rng.random() < 0.8 else paper(rng)
    side, gap = int(np.clip(900 / across, 60, 220)), int(rng.choice(GAPS))
    high = round(side * rng.uniform(0.8, 1.25))
    names = int(side * 0.5) if rng.random() < 0.3 else 0
    head = int(side * rng.uniform(0.08, 0.16)) if rng.random() < 0.5 else 0
    sheet = Sheet(Image.new("RGB", (names + across * (side + gap) + gap, head + down * (high + gap) + gap), ground))
    draw, face = ImageDraw.Draw(sheet.image), font(max(8, side // 10), int(rng.integers(5)))
    row = supply.series(rng, across)
    for j in range(down):
        way = rng.random() if j else 0.0
        if names:
            draw.text((3, head + j * (high + gap) + high // 2), words(rng, 1, 2)[: names // 6], fill=ink(ground), font=face)
        for i in range(across):
            one = row[i] if way < 0.7 or across > 5 else supply.one(rng)
            x, y = names + gap + i * (side + gap), head + gap + j * (high + gap)
            if head and not j:
                draw.text((x + side // 2, 2), words(rng, 1, 2)[: side // 6], fill=ink(ground), font=face, anchor="ma")
            sheet.put(_row_cell(one, way, side, high, rng, ground), x, y)
    return sheet


def _row_cell(one: LabelledImage, way: float, side: int, high: int, rng: Rng, ground: Colour) -> Sheet:
    if 0.2 < way < 0.35:
        return panels.mask_of(one, rng, side, high)
    if 0.35 < way < 0.5:
        return panels.fitted(panels.heated(one, rng), side, high, rng, ground)
    if 0.5 < way < 0.7:
        one = panels.marked(one, rng)
    if rng.random() < 0.15:
        return panels.titled(one, side, high, rng, ground)
    return panels.fitted(one, side, high, rng, ground)


def grid(supply: Supply, rng: Rng) -> Sheet:
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
            image_panel(supply, rng, side, high, ground)
            if k == must or rng.random() < share
            else panel_beside(supply, rng, side, high),
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


def with_chart(supply: Supply, rng: Rng) -> Sheet:
    """One or a few scans beside or above a chart, a diagram or a table."""
    count, side, gap = int(rng.integers(1, 4)), int(rng.integers(120, 240)), int(rng.choice(GAPS[2:]))
    upright = rng.random() < 0.35
    wide = int(side * rng.uniform(0.9, 2.6))
    stack = count > 1 and rng.random() < 0.5
    high = (side + gap) * count if stack else side
    if upright:
        sheet = Sheet(Image.new("RGB", ((side + gap) * count, side * 2 + gap), WHITE))
        for k, one in enumerate(supply.series(rng, count)):
            sheet.put(panels.fitted(one, side, side, rng, WHITE), k * (side + gap), 0)
        sheet.put(panel_beside(supply, rng, sheet.size[0], side), 0, side + gap)
        return sheet
    first = rng.random() < 0.5
    width = side if stack else (side + gap) * count
    sheet = Sheet(Image.new("RGB", (width + wide + 2 * gap, high), WHITE))
    at = 0 if first else wide + gap
    for k, one in enumerate(supply.series(rng, count)):
        sheet.put(
            panels.fitted(one, side, side, rng, WHITE), at if stack else at + k * (side + gap), k * (side + gap) if stack else 0
        )
    sheet.put(panel_beside(supply, rng, wide, high), width + gap if first else 0, 0)
    return sheet


def workflow(supply: Supply, rng: Rng) -> Sheet:
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
                    sheet.put(panels.fitted(supply.one(rng), side, side, rng, WHITE, cover=True), x + k * 8, y + k * 8)
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


def nested(supply: Supply, rng: Rng) -> Sheet:
    """A figure of figures: two of the other layouts side by side or one above the other."""
    first, second = ((rows_of_slices, grid, with_chart)[int(i)](supply, rng) for i in rng.integers(0, 3, 2))
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


def image_panel(supply: Supply, rng: Rng, width: int, height: int, ground: Colour) -> Sheet:
    one, chance = supply.one(rng), rng.random()
    if chance < 0.2:
        one = panels.marked(one, rng)
    elif chance < 0.26:
        one = panels.heated(one, rng)
    if chance > 0.85:
        return panels.plotted(one, width, height, rng)
    return panels.titled(one, width, height, rng, ground) if chance > 0.7 else panels.fitted(one, width, height, rng, ground)


def panel_beside(supply: Supply, rng: Rng, width: int, height: int) -> Sheet:
    chance = rng.random()
    if chance < 0.4:
        return panels.drawn(rng, width, height)
    if chance < 0.5:
        return panels.text_block(rng, width, height, WHITE)
    if chance < 0.6:
        return panels.boxes_and_arrows(rng, width, height)
    if chance < 0.65:
        return panels.mask_of(supply.one(rng), rng, width, height)
    return panels.fitted(supply.other(rng), width, height, rng, WHITE)

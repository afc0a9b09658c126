"""The panels of composed figures: scans with titles, colour bars, marks or masks, and what papers show beside them.

A panel is drawn into a given size and gives the boxes of its medical parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

from server.training.augment import marks
from server.training.augment.frames import axes, ink, paper
from server.training.augment.marks import Colour, font, vivid, words
from server.training.augment.pixels import grey, invert
from server.training.drawn import synthetic

Rng = np.random.Generator
Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels
PLOTS = ("lines", "bars", "scatter", "matrix", "spectrogram")
LEAST_PANEL = 16  # pixels of a side; smaller ones show nothing


def moved(box: Box, right: int, down: int) -> Box:
    return box[0] + right, box[1] + down, box[2] + right, box[3] + down


@dataclass(frozen=True)
class LabelledImage:
    """A labelled image that a panel shows."""

    image: Image.Image
    label: str

    @property
    def medical(self) -> bool:
        return self.label != "non_medical"


@dataclass
class Sheet:
    """An image being put together, and the labelled boxes of its medical parts."""

    image: Image.Image
    parts: list[tuple[str, Box]] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int]:
        return self.image.size

    def put(self, other: Sheet, left: int, top: int) -> None:
        self.image.paste(other.image, (left, top))
        self.parts += [(label, moved(box, left, top)) for label, box in other.parts]

    def resized(self, width: int, height: int) -> Sheet:
        across, down = width / self.image.width, height / self.image.height
        parts = [
            (label, (round(box[0] * across), round(box[1] * down), round(box[2] * across), round(box[3] * down)))
            for label, box in self.parts
        ]
        return Sheet(self.image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0), parts)


Panel = Callable[[Rng, int, int], Sheet]


def bare(labelled: LabelledImage) -> Sheet:
    whole = (0, 0, *labelled.image.size)
    return Sheet(labelled.image, [(labelled.label, whole)] if labelled.medical else [])


def fitted(labelled: LabelledImage, width: int, height: int, rng: Rng, ground: Colour, *, cover: bool | None = None) -> Sheet:
    """The image in a field of this size: cut to fill it, squeezed into it, or whole with `ground` around it."""
    image = labelled.image
    way = rng.random() if cover is None else (0.0 if cover else 0.9)
    ratio = image.width * height / (image.height * width)
    if way < 0.55 and 0.6 < ratio < 1.7:
        wide, high = (image.width, round(image.width * height / width)) if ratio < 1 else (
            round(image.height * width / height), image.height
        )  # fmt: skip
        left, top = (image.width - wide) // 2, (image.height - high) // 2
        image = image.crop((left, top, left + wide, top + high)).resize((width, height), Image.Resampling.BILINEAR)
        return bare(LabelledImage(image, labelled.label))
    if way < 0.75 and 0.7 < ratio < 1.4:
        return bare(LabelledImage(image.resize((width, height), Image.Resampling.BILINEAR), labelled.label))
    scale = min(width / image.width, height / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    sheet = Sheet(Image.new("RGB", (width, height), ground))
    sheet.put(
        bare(LabelledImage(image.resize(size, Image.Resampling.BILINEAR), labelled.label)),
        (width - size[0]) // 2,
        (height - size[1]) // 2,
    )
    return sheet


def titled(labelled: LabelledImage, width: int, height: int, rng: Rng, ground: Colour) -> Sheet:
    """A scan with a line of text above or below, as rows of slices have."""
    size = int(np.clip(height * rng.uniform(0.05, 0.12), 7, 22))
    room = size + int(rng.integers(2, 8))
    above = rng.random() < 0.6
    inner = fitted(labelled, width, max(LEAST_PANEL, height - room), rng, ground)
    sheet = Sheet(Image.new("RGB", (width, height), ground))
    sheet.put(inner, 0, room if above else 0)
    draw, face = ImageDraw.Draw(sheet.image), font(size, int(rng.integers(5)))
    at = (width // 2, 1) if above else (width // 2, height - room + 2)
    draw.text(at, words(rng, 1, 4), fill=ink(ground), font=face, anchor="ma")
    return sheet


def plotted(labelled: LabelledImage, width: int, height: int, rng: Rng) -> Sheet:
    """The image in plot axes with numbers, often with a colour bar. Its box is taken as the middle of the axes."""
    image = labelled.image
    framed = axes(image.copy(), rng)
    grown = framed.width - image.width, framed.height - image.height
    left, top = round(grown[0] * 0.45), round(grown[1] * 0.5)
    box = (left, top, left + image.width, top + image.height)
    return Sheet(framed, [(labelled.label, box)] if labelled.medical else []).resized(width, height)


def marked(labelled: LabelledImage, rng: Rng) -> LabelledImage:
    """With a coloured region, an outline, arrows or text on it: overlays of segmentations and findings."""
    image = labelled.image.copy()
    for step in (marks.region, marks.region, marks.arrow, marks.text, marks.measure):
        if rng.random() < 0.35:
            image = step(image, rng)
    return LabelledImage(image, labelled.label)


def heated(labelled: LabelledImage, rng: Rng) -> LabelledImage:
    """Under a smooth heat map, as attention maps are shown."""
    height, width = 24, 24
    yy, xx = np.mgrid[0:height, 0:width] / 24
    field = sum(
        np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / s)
        for x, y, s in rng.uniform((0, 0, 0.01), (1, 1, 0.12), (int(rng.integers(1, 4)), 3))
    )
    field = np.asarray(field / field.max())
    colours = np.stack([np.clip(1.5 - np.abs(4 * field - c), 0, 1) for c in (3, 2, 1)], -1) * 255
    heat = Image.fromarray(colours.astype(np.uint8)).resize(labelled.image.size, Image.Resampling.BICUBIC)
    return LabelledImage(Image.blend(labelled.image, heat, float(rng.uniform(0.25, 0.55))), labelled.label)


def toned(labelled: LabelledImage, rng: Rng) -> LabelledImage:
    """Grey, inverted or as it is: the same scan is shown in each of these ways."""
    chance = rng.random()
    if chance < 0.06:
        return LabelledImage(invert(labelled.image), labelled.label)
    return LabelledImage(grey(labelled.image), labelled.label) if chance < 0.15 else labelled


def drawn(rng: Rng, width: int, height: int, names: Sequence[str] = PLOTS) -> Sheet:
    """A chart, trace, matrix or the like, drawn."""
    image = synthetic.DRAWN[names[int(rng.integers(len(names)))]][1](rng)
    if rng.random() < 0.7:
        image = _on_white(image)
    return Sheet(image.resize((width, height), Image.Resampling.BILINEAR))


def _on_white(image: Image.Image) -> Image.Image:
    """Inverted where its ground is dark: most charts in papers stand on white."""
    corner = image.getpixel((2, 2))
    return invert(image) if isinstance(corner, tuple) and sum(corner) < 200 else image


def text_block(rng: Rng, width: int, height: int, ground: Colour | None = None, size: int | None = None) -> Sheet:
    """Lines of words, some as bullets."""
    ground = ground or paper(rng)
    sheet = Sheet(Image.new("RGB", (width, height), ground))
    draw, size = ImageDraw.Draw(sheet.image), size or int(np.clip(height * rng.uniform(0.04, 0.14), 7, 26))
    face, colour = font(size, int(rng.integers(5))), ink(ground)
    bullets, y = rng.random() < 0.4, 2
    while y < height - size:
        line = words(rng, 3, 3 + max(1, width // (4 * size)))[: max(3, int(width / (0.55 * size)))]
        draw.text((4, y), ("• " if bullets else "") + line, fill=colour, font=face)
        y += int(size * rng.uniform(1.2, 1.6))
    return sheet


def boxes_and_arrows(rng: Rng, width: int, height: int) -> Sheet:
    """Blocks joined by arrows, as networks and workflows are drawn."""
    sheet = Sheet(Image.new("RGB", (width, height), (255, 255, 255)))
    draw, y = ImageDraw.Draw(sheet.image), height * rng.uniform(0.2, 0.5)
    x, high = width * 0.04, height * rng.uniform(0.3, 0.6)
    while x < width * 0.92:
        wide = width * rng.uniform(0.05, 0.2)
        tall = high * rng.uniform(0.4, 1.1)
        colour = tuple(int(v) for v in rng.integers(120, 250, 3))
        draw.rectangle((x, y, x + wide, min(height - 3, y + tall)), fill=colour, outline=(40, 40, 40))
        if rng.random() < 0.6:
            draw.text((x + 3, y + 3), words(rng, 1, 2)[:8], fill=(0, 0, 0), font=font(max(7, height // 14)))
        draw.line((x + wide, y + tall / 2, x + wide + width * 0.04, y + tall / 2), fill=vivid(rng), width=2)
        x += wide + width * 0.05
    return sheet


def mask_of(labelled: LabelledImage, rng: Rng, width: int, height: int) -> Sheet:
    """What a segmentation of the scan looks like: its bright part as a flat shape on black. No medical part by itself."""
    values = np.asarray(labelled.image.convert("L").resize((48, 48), Image.Resampling.BILINEAR), np.float32)
    cut = np.quantile(values, rng.uniform(0.6, 0.93))
    colour = np.array(vivid(rng) if rng.random() < 0.5 else (255, 255, 255), np.uint8)
    flat = np.where((values > cut)[..., None], colour, 0).astype(np.uint8)
    return Sheet(
        Image.fromarray(flat).resize((width, height), Image.Resampling.BICUBIC if rng.random() < 0.3 else Image.Resampling.NEAREST)
    )

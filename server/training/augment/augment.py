"""One image as the web might show it: a random view of the same thing. Deterministic for a given generator.

The order: collage, colour (grey, inverted, tinted), crop and turn, marks, frames, compression. The label only chooses the
probabilities, for a step must keep it true: an inverted ultrasound is still one, and so is a grey dermoscopy. `docs/experiments.md`
has the probabilities that were tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.training.augment import frames, marks, pixels

Rng = np.random.Generator
Step = Callable[[Image.Image, Rng], Image.Image]

FRAMES: tuple[tuple[float, Step], ...] = (
    (0.34, frames.border),
    (0.22, frames.axes),
    (0.14, frames.chrome),
    (0.18, frames.slide),
    (0.12, frames.circle),
)
MARKS: tuple[Step, ...] = (marks.text, marks.arrow, marks.measure, marks.region)
INVERSION = {"xray": 0.12, "ct": 0.04, "mri": 0.04, "ultrasound": 0.04, "other_medical": 0.03, "non_medical": 0.06}


@dataclass(frozen=True, slots=True)
class Chances:
    """How likely each step is. `plain` leaves an image but for crop and flip, so that clean images stay most familiar."""

    plain: float = 0.12
    collage: float = 0.07
    grey_colour: float = 0.28  # for coloured images that are not medical; a third of it for medical ones
    duotone: float = 0.05
    tone: float = 0.6
    cast: float = 0.15
    turn: float = 0.2
    marks: float = 0.12  # each of the four kinds
    frame: float = 0.26
    second_frame: float = 0.05
    blur: float = 0.12
    grain: float = 0.12
    shrink: float = 0.3
    jpeg: float = 0.6


DEFAULT = Chances()


def augment(
    image: Image.Image, label: str, rng: Rng, side: int, mates: Sequence[Image.Image] = (), chances: Chances = DEFAULT
) -> NDArray[np.uint8]:
    """uint8 [side, side, 3]. `mates`: up to three other images of the same label, used for collages."""
    mirror = rng.random() < 0.5
    if rng.random() < chances.plain:
        return _square(_crop(image, rng, 0.6), side, mirror)
    collaged = bool(mates) and rng.random() < chances.collage
    if collaged:
        image = frames.collage([image, *mates[: int(rng.integers(1, 4))]], rng)
    image = _changed_look(image, label, rng, chances)
    image = _crop(image, rng, 0.7 if collaged else 0.4)
    if rng.random() < chances.turn:
        image = _turn(image, rng)
    if mirror:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for mark in MARKS:
        if rng.random() < chances.marks:
            image = mark(image, rng)
    for chance in (chances.frame, chances.second_frame):
        if rng.random() < chance:
            image = one_of(FRAMES, rng)(image, rng)
    for chance, step in (
        (chances.blur, pixels.blur),
        (chances.grain, pixels.grain),
        (chances.shrink, pixels.shrink),
        (chances.jpeg, pixels.jpeg),
    ):
        if rng.random() < chance:
            image = step(image, rng)
    return _square(image, side, False)


def one_of(steps: Sequence[tuple[float, Step]], rng: Rng) -> Step:
    """One of the steps, drawn by their shares, which sum to 1."""
    return steps[int(rng.choice(len(steps), p=[share for share, _ in steps]))][1]


def _changed_look(image: Image.Image, label: str, rng: Rng, chances: Chances) -> Image.Image:
    medical = label != "non_medical"
    if rng.random() < chances.grey_colour * (0.33 if medical else 1.0):
        image = pixels.grey(image)
    if rng.random() < INVERSION.get(label, 0.05):
        image = pixels.invert(image)
    if rng.random() < chances.duotone:
        image = pixels.duotone(image, rng)
    if rng.random() < chances.tone:
        image = pixels.tone(image, rng)
    if rng.random() < chances.cast:
        image = pixels.cast(image, rng)
    return image


def _crop(image: Image.Image, rng: Rng, least: float) -> Image.Image:
    """A part of at least `least` of the area, its sides in a ratio up to 4:3 off the image's own."""
    area, ratio = rng.uniform(least, 1.0), np.exp(rng.uniform(-0.28, 0.28))
    width = min(image.width, max(16, round(image.width * np.sqrt(area * ratio))))
    height = min(image.height, max(16, round(image.height * np.sqrt(area / ratio))))
    left, top = int(rng.integers(0, image.width - width + 1)), int(rng.integers(0, image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


def _turn(image: Image.Image, rng: Rng) -> Image.Image:
    """A few degrees mostly; sometimes a quarter turn or upside down, as uploads are."""
    if rng.random() < 0.25:
        return image.transpose(
            (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_180)[int(rng.integers(3))]
        )
    fill = 0 if rng.random() < 0.6 else 255
    return image.rotate(float(rng.normal(0, 8)), Image.Resampling.BILINEAR, fillcolor=(fill, fill, fill))


def _square(image: Image.Image, side: int, mirror: bool) -> NDArray[np.uint8]:
    image = image.resize((side, side), Image.Resampling.BILINEAR)
    if mirror:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.array(image, np.uint8)


MARKED_TOO = 0.25  # of the framed images; figures with arrows mostly have a caption or a window as well


def marked(image: Image.Image, rng: Rng) -> Image.Image:
    """The image with one to three kinds of marks, as teachers draw them."""
    for number in rng.permutation(len(MARKS))[: int(rng.integers(1, 4))]:
        image = MARKS[int(number)](image, rng)
    return image


# How often each, by eye from lecture pages and papers: no counts exist.
FRAMED_STEPS: tuple[tuple[float, Step], ...] = (
    (0.30, frames.axes),
    (0.20, frames.chrome),
    (0.15, frames.slide),
    (0.15, frames.border),
    (0.20, marked),
)


def framed(image: Image.Image, rng: Rng) -> Image.Image:
    """A whole image as teaching pages and papers show it: in plot axes, a viewer's window, a slide, a margin, or with marks.

    `augment` frames a quarter of its images, and cuts, tints and blurs them; here each is framed and nothing else is done.
    """
    if rng.random() < MARKED_TOO:
        image = marked(image, rng)
    return one_of(FRAMED_STEPS, rng)(image, rng)

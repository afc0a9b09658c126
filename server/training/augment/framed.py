"""A whole image as teaching pages and papers show it: in plot axes, a viewer's window, a slide, a margin, with marks drawn on it.

Training's `augment` frames a quarter of its images, beside cutting, tinting and blurring them; here each is framed, nothing else
is done to it.
"""

from __future__ import annotations

from PIL import Image

from server.training.augment import frames
from server.training.augment.augment import MARKS, Rng, Step, one_of

MARKED_TOO = 0.25  # of the framed images; figures with arrows mostly have a caption or a window as well


def marked(image: Image.Image, rng: Rng) -> Image.Image:
    """With one to three kinds of marks, as teachers draw them."""
    for number in rng.permutation(len(MARKS))[: int(rng.integers(1, 4))]:
        image = MARKS[int(number)](image, rng)
    return image


# How often each, by eye from lecture pages and papers: no counts exist.
STEPS: tuple[tuple[float, Step], ...] = (
    (0.30, frames.axes),
    (0.20, frames.chrome),
    (0.15, frames.slide),
    (0.15, frames.border),
    (0.20, marked),
)


def framed(image: Image.Image, rng: Rng) -> Image.Image:
    """The image with something around it or on it, larger than it was where something stands around it."""
    if rng.random() < MARKED_TOO:
        image = marked(image, rng)
    return one_of(STEPS, rng)(image, rng)

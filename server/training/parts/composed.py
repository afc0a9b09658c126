"""Compound figures put together from labelled images, with the boxes of their medical parts, for fitting the part reader.

A figure uses the images of one `Shelf`. Each fold has a shelf of its own, so that whole origins are kept apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.contract.modalities import MODALITIES, NON_MEDICAL
from server.training.augment.pixels import jpeg
from server.training.data.dataset import PixelCache, Row
from server.training.drawn.phantoms import PHANTOMS
from server.training.parts.composed_figures import Supply, grid, nested, rows_of_slices, with_chart, workflow
from server.training.parts.composed_pages import paper_page, slide, viewer, web_page
from server.training.parts.composed_panels import LabelledImage, Sheet, toned

Rng = np.random.Generator
LONG_SIDES = (420, 900)  # pixels a figure is brought to before it is saved anew
BESIDE = ("chart", "diagram", "document", "screenshot", "logo_icon", "photo", "photo_gray", "art")
DRAWN = 0.12  # of the images are phantoms or drawn negatives
# How often each layout is used, by eye from papers' and projects' pages.
LAYOUTS: tuple[tuple[float, Callable[[Supply, Rng], Sheet]], ...] = (
    (0.24, rows_of_slices), (0.16, grid), (0.14, with_chart), (0.10, workflow), (0.10, slide), (0.08, viewer), (0.06, web_page),
    (0.04, paper_page), (0.08, nested),
)  # fmt: skip


@dataclass
class Shelf:
    """The images a figure may show: `rows` numbered in `chosen`. With `medical` false, only those that are not medical."""

    rows: Sequence[Row]
    cache: PixelCache
    chosen: NDArray[np.int64]
    medical: bool = True
    _by: dict[str, dict[str, list[int]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    _beside: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for i in map(int, self.chosen):
            row = self.rows[i]
            self._by[row.label][row.origin].append(i)
            if row.label == NON_MEDICAL and row.kind in BESIDE:
                self._beside[row.kind].append(i)

    def one(self, rng: Rng) -> LabelledImage:
        if rng.random() < DRAWN:
            return self._drawn(rng)
        return self.series(rng, 1)[0]

    def series(self, rng: Rng, count: int) -> list[LabelledImage]:
        labels = [label for label in MODALITIES if label in self._by and (label != NON_MEDICAL) == self.medical]
        origins = self._by[labels[int(rng.integers(len(labels)))]]
        names, sizes = list(origins), np.array([len(members) for members in origins.values()])
        members = origins[names[int(rng.choice(len(names), p=sizes**0.5 / (sizes**0.5).sum()))]]
        start = int(rng.integers(len(members)))
        near = [members[(start + k) % len(members)] for k in range(count)]  # neighbours are mostly of one volume or video
        return [toned(self._image(i), rng) for i in near]

    def other(self, rng: Rng) -> LabelledImage:
        kinds = list(self._beside)
        members = self._beside[kinds[int(rng.integers(len(kinds)))]]
        return self._image(members[int(rng.integers(len(members)))])

    def _image(self, i: int) -> LabelledImage:
        return LabelledImage(Image.fromarray(self.cache[i]), self.rows[i].label)

    def _drawn(self, rng: Rng) -> LabelledImage:
        fit = [(label, draw) for label, draw in PHANTOMS.values() if (label != NON_MEDICAL) == self.medical]
        label, draw = fit[int(rng.integers(len(fit)))]
        return LabelledImage(draw(rng).convert("RGB"), label)


def compose(shelf: Shelf, rng: Rng) -> Sheet:
    """One figure, saved anew as a JPEG of any quality half of the time, and the boxes of its medical parts in its pixels."""
    layout = LAYOUTS[int(rng.choice(len(LAYOUTS), p=[share for share, _ in LAYOUTS]))][1]
    sheet = layout(shelf, rng)
    scale = int(rng.integers(*LONG_SIDES)) / max(sheet.size)
    if scale < 1:
        sheet = sheet.resized(max(32, round(sheet.size[0] * scale)), max(32, round(sheet.size[1] * scale)))
    return Sheet(jpeg(sheet.image, rng), sheet.parts) if rng.random() < 0.6 else sheet

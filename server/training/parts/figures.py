"""The features on which the part reader is fitted: of composed figures of each fold's own origins, and of single images.

Each fold's figures show images of that fold alone, so a reader fitted on the other folds is measured on held-out origins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.contract.modalities import MODALITIES
from server.models.layout import CELL
from server.models.parts import NON, shape_for
from server.training.data.dataset import PixelCache, Progress, Row
from server.training.data.folds import FOLDS
from server.training.parts.composed import Shelf, compose
from server.training.parts.composed_panels import Sheet, bare

COUNTS = (260, 220, 50, 120)  # a fold: figures with medical parts, figures without, bare medical images, bare others
FIGURE, OTHER_FIGURE, BARE, OTHER_BARE = range(4)  # the sorts, in the order of COUNTS
STANDS = 0.45  # of a cell that one modality must cover to be its label
EMPTY = 0.08  # of a cell that medical parts may cover where its label is "none"; between the two a cell has no label
FINE = 8  # steps of a cell's side in which cover is measured
UNLABELLED = -1

BothPasses = Callable[[Image.Image], tuple[NDArray[np.float32], NDArray[np.float32]]]  # cells' channels [c, h, w], features [f]


@dataclass(frozen=True)
class FigureFeatures:
    """n figures: `cells` [all cells, c] one figure after the other, `grids` [n, 2] rows and columns, `labels` of the cells,
    `features` [n, f] of the ordinary pass, `shown` [n, 5] which modalities are there, `sorts` [n], `folds` [n]."""

    cells: NDArray[np.float16]
    grids: NDArray[np.int64]
    labels: NDArray[np.int64]
    features: NDArray[np.float16]
    shown: NDArray[np.bool_]
    sorts: NDArray[np.int64]
    folds: NDArray[np.int64]

    @property
    def starts(self) -> NDArray[np.int64]:
        """[n + 1]: where each figure's cells begin."""
        return np.concatenate([[0], np.cumsum(self.grids.prod(1))])

    @property
    def of_figure(self) -> NDArray[np.int64]:
        """[all cells]: the number of the figure of each."""
        return np.repeat(np.arange(len(self.grids)), self.grids.prod(1))


def figure_features(
    rows: Sequence[Row], cache: PixelCache, folds: NDArray[np.int64], both_passes: BothPasses, folder: Path, key: str,
    progress: Progress, counts: tuple[int, ...] = COUNTS,
) -> FigureFeatures:  # fmt: skip
    """Composes figures fold by fold and runs both passes over them; kept in `folder` under `key`. About a minute a fold."""
    parts = []
    for fold in range(FOLDS):
        file = folder / f"figures-{key}-{fold}-{'-'.join(map(str, counts))}.npz"
        if not file.is_file():
            part = file.with_suffix(".part.npz")
            np.savez(part, **_compose_fold(rows, cache, np.flatnonzero(folds == fold), fold, counts, both_passes, progress))
            part.replace(file)
        with np.load(file) as kept:
            parts.append({name: kept[name] for name in kept.files} | {"folds": np.full(len(kept["sorts"]), fold)})
    return FigureFeatures(**{name: np.concatenate([part[name] for part in parts]) for name in FigureFeatures.__dataclass_fields__})


def _compose_fold(
    rows: Sequence[Row], cache: PixelCache, at: NDArray[np.int64], fold: int, counts: tuple[int, ...], both_passes: BothPasses,
    progress: Progress,
) -> dict[str, Any]:  # fmt: skip
    composed: list[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64], list[bool], int]] = []
    for sheet, sort in _sheets(rows, cache, at, fold, counts):
        channels, features = both_passes(sheet.image)
        shown = [any(label == name for label, _ in sheet.parts) for name in MODALITIES[:NON]]
        composed.append((channels, features, cell_labels(sheet), shown, sort))
        progress(f"composed figures, fold {fold}", len(composed), sum(counts))
    return {
        "cells": np.concatenate([one[0].reshape(len(one[0]), -1).T for one in composed]).astype(np.float16),
        "grids": np.array([one[0].shape[1:] for one in composed]),
        "labels": np.concatenate([one[2].ravel() for one in composed]),
        "features": np.stack([one[1] for one in composed]).astype(np.float16),
        "shown": np.array([one[3] for one in composed]),
        "sorts": np.array([one[4] for one in composed]),
    }


def _sheets(
    rows: Sequence[Row], cache: PixelCache, at: NDArray[np.int64], fold: int, counts: tuple[int, ...]
) -> Iterator[tuple[Sheet, int]]:
    medical, other = Shelf(rows, cache, at), Shelf(rows, cache, at, medical=False)
    for sort, (count, shelf) in enumerate(zip(counts, (medical, other, medical, other), strict=True)):
        for i in range(count):
            rng = np.random.default_rng((sort + 1, fold, i))
            yield compose(shelf, rng) if sort < BARE else bare(shelf.one(rng)), sort


def cell_labels(sheet: Sheet) -> NDArray[np.int64]:
    """[h, w] of the image's cells in the larger pass: a modality's number, NON without a medical part, or UNLABELLED."""
    width, height = (side // CELL for side in shape_for(*sheet.size))
    cover = np.zeros((NON, height * FINE, width * FINE))
    across, down = width * FINE / sheet.size[0], height * FINE / sheet.size[1]
    for label, (left, top, right, bottom) in sheet.parts:
        place = (slice(round(top * down), round(bottom * down)), slice(round(left * across), round(right * across)))
        cover[:, *place] = 0  # what is drawn later lies on top
        cover[MODALITIES.index(label), *place] = 1
    shares = cover.reshape(NON, height, FINE, width, FINE).mean((2, 4))
    labels = np.where(shares.max(0) >= STANDS, shares.argmax(0), UNLABELLED)
    return np.where(shares.sum(0) < EMPTY, NON, labels)

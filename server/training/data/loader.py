"""Augmented batches for the network, made by a few processes; the same for the same seed whatever their number.

An item depends on the epoch and its place in the plan alone, so a resumed run continues with exactly the same images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from server.contract.modalities import NON_MEDICAL
from server.models.preprocess import RESIZE_OVER_CROP, Preprocess
from server.training.augment.augment import augment
from server.training.data.dataset import PixelCache, Row
from server.training.data.sampling import DRAWN
from server.training.drawn.synthetic import draw_negative

ORIGIN_TURN = 15  # degrees either way, the origin's rotation
MATES = 3  # further images a collage may need


class AugmentedImages(Dataset[tuple[Tensor, int]]):
    """Item i: uint8 tensor [3, side, side] of the plan's i-th image, and its row number (DRAWN for a synthetic one)."""

    def __init__(
        self, rows: Sequence[Row], cache: PixelCache, order: NDArray[np.int64], epoch_seed: int, side: int, way: str
    ) -> None:
        self.labels = [row.label for row in rows]
        self.members = {label: np.flatnonzero(np.array(self.labels) == label) for label in set(self.labels)}
        self.trained = np.unique(order[order >= 0])
        self.cache, self.order, self.seed, self.side, self.way = cache, order, epoch_seed, side, way

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        row = int(self.order[i])
        rng = np.random.default_rng((self.seed, i))
        if row == DRAWN:
            image, label = draw_negative(rng)[0], str(NON_MEDICAL)
            mates: list[Image.Image] = []
        else:
            image, label = Image.fromarray(self.cache[row]), self.labels[row]
            mates = self._mates(label, rng) if self.way == "web" else []
        if self.way == "web":
            square = augment(image, label, rng, self.side, mates)
        elif self.way == "origin":
            square = origin_recipe(image, rng, self.side)
        else:
            square = np.array(image.resize((self.side, self.side), Image.Resampling.BILINEAR), np.uint8)
        return torch.from_numpy(np.ascontiguousarray(square.transpose(2, 0, 1))), row

    def _mates(self, label: str, rng: np.random.Generator) -> list[Image.Image]:
        if rng.random() > 0.1:  # a collage is rarer still; this only spares reading images that nobody shows
            return []
        pool = np.intersect1d(self.members[label], self.trained, assume_unique=True)
        return [Image.fromarray(self.cache[int(k)]) for k in rng.choice(pool, MATES)]


def origin_recipe(image: Image.Image, rng: np.random.Generator, side: int) -> NDArray[np.uint8]:
    """The origin's augmentation: resize 256, crop 224, rotation, flip."""
    large = round(side * RESIZE_OVER_CROP)
    image = image.resize((large, large), Image.Resampling.BILINEAR)
    image = image.rotate(float(rng.uniform(-ORIGIN_TURN, ORIGIN_TURN)), Image.Resampling.BILINEAR)
    left, top = (int(v) for v in rng.integers(0, large - side + 1, 2))
    image = image.crop((left, top, left + side, top + side))
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.array(image, np.uint8)


def batches(images: AugmentedImages, batch: int, workers: int, skip: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """(uint8 [b, 3, side, side], row numbers [b]), whole batches only, after the first `skip` of them."""
    whole = range(skip * batch, len(images) - len(images) % batch)
    loader: DataLoader[Any] = DataLoader(
        images, batch, sampler=list(whole), num_workers=workers, drop_last=True, prefetch_factor=4 if workers else None
    )
    yield from loader


def to_input(squares: Tensor, spec: Preprocess) -> Tensor:
    """uint8 -> normalised float32, channels last."""
    mean, std = (torch.tensor(v, device=squares.device).view(1, 3, 1, 1) for v in (spec.mean, spec.std))
    return ((squares.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)

"""What the untouched ImageNet network sees in several views of every picture and phantom: what the twin's head learns from.

The data's pictures were stored by label: medical ones at JPEG quality 80 and 240 pixels, the others at 66 and 224. Early maps
see that, so a head fitted on the pictures as they lie would learn it, and fail on the web. Every view is therefore scaled and
saved anew by chance, alike for all labels and phantoms (docs/experiments.md). Knows labels only where the augmentation needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.contract.modalities import MODALITIES
from server.models.cnn import build_cnn
from server.models.layout import DEEP, TWIN_DIM
from server.models.preprocess import to_square
from server.training.augment.augment import augment
from server.training.augment.framed import framed
from server.training.cnn.features import compile_features
from server.training.data.dataset import PixelCache, Row, data_sha256
from server.training.drawn.phantoms import PHANTOMS, phantom, phantoms_sha256

SHORT_SIDES = (140, 224)  # pixels of the short side when saved anew: below what any picture of the data has
QUALITIES = (35, 85)  # of JPEG
BATCH = 8  # larger ones leave the cores' caches
SEED = 20251122

Floats = NDArray[np.float16]
View = Callable[[Image.Image, str, np.random.Generator, int], Image.Image]
Show = Callable[[int, np.random.Generator], tuple[Image.Image, str]]  # a picture by its number, and its label
Say = Callable[[str], None]


def resaved(picture: Image.Image, label: str, rng: np.random.Generator, side: int) -> Image.Image:
    """The whole picture, smaller, and saved as a JPEG of any quality."""
    scale = min(1.0, int(rng.integers(*SHORT_SIDES, endpoint=True)) / min(picture.size))
    width, height = (max(1, round(length * scale)) for length in picture.size)
    out = BytesIO()
    picture.resize((width, height), Image.Resampling.LANCZOS).save(
        out, "JPEG", quality=int(rng.integers(*QUALITIES, endpoint=True))
    )
    return Image.open(out).convert("RGB")


def augmented(picture: Image.Image, label: str, rng: np.random.Generator, side: int) -> Image.Image:
    """As training shows it to the network that is tuned."""
    return Image.fromarray(augment(picture, label, rng, side))


def in_a_frame(picture: Image.Image, label: str, rng: np.random.Generator, side: int) -> Image.Image:
    """The whole picture in a frame or with marks, then saved anew: as pages show scans far more often than bare."""
    return resaved(framed(picture, rng), label, rng, side)


VIEWS: tuple[View, ...] = (resaved, augmented, resaved, augmented, in_a_frame, in_a_frame)


def twin_views(rows: Sequence[Row], cache: PixelCache, folder: Path, threads: int = 0, say: Say = print) -> list[Floats]:
    """For each of VIEWS the twin's features float16 [n, TWIN_DIM] of all rows. Kept in `folder`; three minutes each on one core."""

    def show(i: int, _: np.random.Generator) -> tuple[Image.Image, str]:
        return Image.fromarray(cache[i]), rows[i].label

    return _views("pictures", show, len(rows), data_sha256(rows), folder, threads, say)


def phantom_views(folder: Path, each: int, threads: int = 0, say: Say = print) -> list[Floats]:
    """For each of VIEWS the twin's features float16 [p, TWIN_DIM] of phantoms, `each` of a kind, drawn anew for each view.

    Kept in `folder` by what the phantoms look like; two minutes each on one core.
    """

    def show(i: int, rng: np.random.Generator) -> tuple[Image.Image, str]:
        return phantom(i, each, rng)

    return _views("phantoms", show, len(PHANTOMS) * each, phantoms_sha256(each), folder, threads, say, (1,))


def _views(
    what: str, show: Show, count: int, digest: str, folder: Path, threads: int, say: Say, chances: tuple[int, ...] = ()
) -> list[Floats]:
    """Each view of `count` pictures, read from `folder` where an earlier run kept it. Other `chances`, another seed."""
    views = []
    for number, view in enumerate(VIEWS):
        file = folder / f"twin-{TWIN_DIM}-{number}-{digest[:16]}.npy"
        if not file.is_file():
            say(f"view {number + 1} of {len(VIEWS)} of {count} {what}")
            folder.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(".part.npy")
            np.save(part, _seen(view, show, count, (SEED, number, *chances), threads))
            part.replace(file)
        views.append(np.load(file))
    return views


def _seen(view: View, show: Show, count: int, seed: tuple[int, ...], threads: int) -> Floats:
    cnn = build_cnn("efficientnet_lite0", "imagenet", MODALITIES, twin=True)
    seen, side = compile_features(cnn, threads, twin=True), cnn.preprocess.side
    out = np.zeros((count, TWIN_DIM), np.float16)
    for start in range(0, count, BATCH):
        at = range(start, min(start + BATCH, count))
        squares = []
        for i in at:
            rng = np.random.default_rng((*seed, i))
            picture, label = show(i, rng)
            squares.append(to_square(view(picture, label, rng, side), cnn.preprocess))
        out[at.start : at.stop] = seen(np.stack(squares))[:, DEEP:]
    return out

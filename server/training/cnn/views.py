"""Features of several views of every labelled image and phantom by ImageNet's network, for fitting the CNN's head.

The first 12,905 images were stored by label: medical ones at JPEG quality 80 and 240 pixels, the others at 66 and 224. Early maps
show that, so a head fitted on the unchanged images would learn it and fail on the web. Training images are therefore scaled and
saved again at random, alike for all labels and phantoms (docs/experiments.md).
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.models.cnn import CNN
from server.models.preprocess import to_square
from server.training.augment.augment import augment, framed
from server.training.cnn.features import compile_features, digest_of
from server.training.data.dataset import PixelCache, Progress, Row, data_sha256
from server.training.drawn.phantoms import PHANTOMS, phantom, phantoms_sha256

SHORT_SIDES = (140, 224)  # pixels of the short side when saved anew: below what any image of the data has
QUALITIES = (35, 85)  # of JPEG
BATCH = 8  # larger ones leave the cores' caches
SEED = 20251122
FEW = 60  # of an origin and kind: further framed views of the large origins taught nothing

Floats = NDArray[np.float16]
Ints = NDArray[np.int64]
Show = Callable[[int, np.random.Generator], tuple[Image.Image, str]]  # an image by its number, and its label


def resaved(image: Image.Image, label: str, rng: np.random.Generator, side: int) -> Image.Image:
    """The whole image, smaller, and saved as a JPEG of random quality."""
    scale = min(1.0, int(rng.integers(*SHORT_SIDES, endpoint=True)) / min(image.size))
    width, height = (max(1, round(length * scale)) for length in image.size)
    out = BytesIO()
    image.resize((width, height), Image.Resampling.LANCZOS).save(out, "JPEG", quality=int(rng.integers(*QUALITIES, endpoint=True)))
    return Image.open(out).convert("RGB")


def augmented(image: Image.Image, label: str, rng: np.random.Generator, side: int) -> Image.Image:
    """Cut, tinted, marked and saved as on the web (augment.py)."""
    return Image.fromarray(augment(image, label, rng, side))


def in_a_frame(image: Image.Image, label: str, rng: np.random.Generator, side: int) -> Image.Image:
    """The whole image in a frame or with marks, then saved again, since pages show most scans in a frame."""
    return resaved(framed(image, rng), label, rng, side)


@dataclass(frozen=True, slots=True)
class View:
    """One way to show every image to the network.

    `seed`: of its random choices; `few`: at most FEW images of an origin and kind.
    """

    name: str
    show: Callable[[Image.Image, str, np.random.Generator, int], Image.Image]
    seed: int
    few: bool = False


LEARNED = (View("saved anew", resaved, 1), View("augmented", augmented, 3), View("framed", in_a_frame, 5, few=True))


def few_of_each(rows: Sequence[Row]) -> Ints:
    """The row numbers, in order, of at most FEW images of each origin, label and kind, drawn at random with a fixed seed."""
    counts: Counter[tuple[str, str, str]] = Counter()
    kept = []
    for i in np.random.default_rng(0).permutation(len(rows)):
        counts[key := (rows[i].origin, rows[i].label, rows[i].kind)] += 1
        if counts[key] <= FEW:
            kept.append(int(i))
    return np.array(sorted(kept), np.int64)


def deep_features(cnn: CNN, rows: Sequence[Row], cache: PixelCache, folder: Path, threads: int = 0,
                  progress: Progress | None = None) -> NDArray[np.float32]:  # fmt: skip
    """float32 [n, deep_dim] of every image in the view "saved anew", on which the compact CLIP and K-Means are fitted."""
    features, _ = ViewFeatures(cnn, folder, threads, progress).rows(LEARNED[0], rows, cache)
    return np.asarray(features[:, : cnn.deep_dim], np.float32)


class ViewFeatures:
    """Computes the features of a view once and caches them, float16 [n, feature_dim], in `folder`, by network and images.

    A run that was cut off goes on where it was.
    """

    def __init__(self, cnn: CNN, folder: Path, threads: int = 0, progress: Progress | None = None) -> None:
        self._cnn, self._folder, self._threads, self._progress = cnn, folder, threads, progress

    def rows(self, view: View, rows: Sequence[Row], cache: PixelCache) -> tuple[Floats, Ints]:
        """Features of the view's rows, and the row numbers. About three minutes a view of 16,000 images on one idle core."""
        at = few_of_each(rows) if view.few else np.arange(len(rows))

        def show(i: int, _: np.random.Generator) -> tuple[Image.Image, str]:
            return Image.fromarray(cache[i]), rows[i].label

        return self._seen(view, at, show, data_sha256(rows), real=True), at

    def phantoms(self, view: View, each: int) -> Floats:
        """Features of `each` phantoms of a kind, drawn again for each view."""

        def show(i: int, rng: np.random.Generator) -> tuple[Image.Image, str]:
            return phantom(i, each, rng)

        return self._seen(view, np.arange(len(PHANTOMS) * each), show, phantoms_sha256(each), real=False)

    def _seen(self, view: View, at: Ints, show: Show, digest: str, *, real: bool) -> Floats:
        what = f"{'images' if real else 'phantoms'} {view.name}"
        file = self._folder / f"view-{view.seed}-{int(real)}-{digest_of(self._cnn)}-{digest[:16]}.npy"
        if not file.is_file():
            self._folder.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(".part.npy")
            self._look(view, at, show, part, what, int(real))
            part.replace(file)
        found: Floats = np.load(file)
        return found

    def _look(self, view: View, at: Ints, show: Show, part: Path, what: str, real: int) -> None:
        """Fill `part` row by row; rows that an interrupted run left there are kept."""
        run, spec, out = compile_features(self._cnn, self._threads), self._cnn.preprocess, self._opened(part, len(at))
        done = int(np.isfinite(out[:, -1]).sum())
        for start in range(done, len(at), BATCH):
            squares = []
            for i in map(int, at[start : start + BATCH]):
                rng = np.random.default_rng((SEED, view.seed, real, i))
                image, label = show(i, rng)
                squares.append(to_square(view.show(image, label, rng, spec.side), spec))
            out[start : start + len(squares)] = run(np.stack(squares))
            if self._progress:
                self._progress(what, start + len(squares), len(at))

    def _opened(self, part: Path, rows: int) -> Floats:
        """The features [rows, feature_dim] in `part`, mapped into memory; a new file is all nan."""
        shape = (rows, self._cnn.feature_dim)
        with contextlib.suppress(OSError, ValueError):  # none there, or cut off in its first line
            kept: Floats = np.lib.format.open_memmap(part, mode="r+")
            if kept.shape == shape and kept.dtype == np.float16:
                return kept
        made: Floats = np.lib.format.open_memmap(part, mode="w+", dtype=np.float16, shape=shape)
        made[:] = np.nan
        return made

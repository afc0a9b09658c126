"""Synthetic features: photos of the thousand ImageNet classes, made in the space of the backbone's features.

The frozen ImageNet backbone names what is in a photo; a ridge regression finds, in the features of the backbone at hand, the
direction of each class. A real photo's features moved along a class's direction, until that class is as sure as on a clear photo,
stand for a photo of that class. So the projection is trained on a thousand classes although the labelled photos show only some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from server.training.data.captions import PHOTOS
from server.training.data.dataset import Row

RIDGE = 30.0  # images' worth of pull towards zero; the frozen backbone's own weights come back almost unchanged
CLEAR = 90  # percentile of a photo's best logit that counts as a clear photo

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Points:
    """`directions` [c, f], `biases` [c]: class logits from features. `clear`: a clear photo's logit. `base`: rows of photos."""

    directions: Floats
    biases: Floats
    clear: float
    base: NDArray[np.int64]

    def draw(self, features: Floats, count: int, rng: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
        """(features [count, f] of synthetic photos, their classes [count])."""
        classes = rng.integers(0, len(self.directions), count)
        points = features[rng.choice(self.base, count)]
        ways = self.directions[classes]
        missing = self.clear - (points * ways).sum(1) - self.biases[classes]
        steps = np.maximum(missing, 0) / np.maximum((ways * ways).sum(1), 1e-6)
        return np.asarray(np.maximum(points + steps[:, None] * ways, 0), np.float32), classes


def points_of(features: Floats, logits: Floats, rows: Sequence[Row], chosen: NDArray[np.int64]) -> Points:
    """Fitted on the `chosen` rows: `features` [n, f] of the backbone at hand, `logits` [n, c] of the frozen ImageNet one."""
    x = np.concatenate([features[chosen], np.ones((len(chosen), 1), np.float32)], axis=1)
    pull = RIDGE * np.eye(x.shape[1], dtype=np.float32) * x[:, :-1].var()
    pull[-1, -1] = 1e-3
    solved = np.linalg.solve(x.T @ x + pull, x.T @ logits[chosen])
    base = np.array([i for i in chosen if rows[int(i)].kind in PHOTOS], np.int64)
    clear = float(np.percentile(logits[base].max(axis=1), CLEAR))
    return Points(np.ascontiguousarray(solved[:-1].T, np.float32), np.asarray(solved[-1], np.float32), clear, base)

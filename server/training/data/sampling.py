"""Which images an epoch shows: classes by share, origins by the root of their size, kinds evened out. Deterministic by seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from server.contract.modalities import MODALITIES, NON_MEDICAL
from server.training.data.dataset import Row
from server.training.data.folds import part_of, unit_of

DRAWN = -1  # stands for "draw a synthetic negative" in a plan
DRAWN_KIND = "non_medical/drawn"
KIND_POWER = 0.35  # a kind of a hundredth of the images is shown about five times as often as its share
ONE_AUTHOR = "mask-"  # fifty small origins of one conversion count as one


def kind_name(row: Row) -> str:
    """The class of the auxiliary head: label and plain kind ("ct/hip")."""
    return f"{row.label}/{part_of(row.kind)}"


def kind_names(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(sorted({kind_name(row) for row in rows} | {DRAWN_KIND}))


def draw_weights(rows: Sequence[Row], non_medical_share: float) -> NDArray[np.float64]:
    """[n], sums to 1: how likely each row is the next one shown."""
    origins = [unit_of(row.origin) if row.origin.startswith(ONE_AUTHOR) else row.origin for row in rows]
    of_origin = Counter(zip((row.label for row in rows), origins, strict=True))
    of_kind = Counter(kind_name(row) for row in rows)
    weights = np.array(
        [
            of_origin[row.label, origin] ** -0.5 * of_kind[kind_name(row)] ** -KIND_POWER
            for row, origin in zip(rows, origins, strict=True)
        ]
    )
    labels = np.array([row.label for row in rows])
    present = [label for label in MODALITIES if (labels == label).any()]
    medical = [label for label in present if label != NON_MEDICAL]
    for label in present:
        if len(present) == len(medical):
            share = 1 / len(present)
        else:
            share = non_medical_share if label == NON_MEDICAL else (1 - non_medical_share) / max(1, len(medical))
        chosen = labels == label
        weights[chosen] *= share / weights[chosen].sum()
    out: NDArray[np.float64] = weights / weights.sum()
    return out


def plan(weights: NDArray[np.float64], draws: int, synthetic: float, seed: int) -> NDArray[np.int64]:
    """[draws] row numbers in random order; a share of `synthetic` is DRAWN.

    Draws are even: no row comes much more often than its weight.
    """
    rng = np.random.default_rng(seed)
    drawn = round(draws * synthetic)
    # systematic sampling: one random offset, equal steps along the cumulated weights
    at = (np.arange(draws - drawn) + rng.random()) / max(1, draws - drawn)
    order = rng.permutation(len(weights))
    rows = order[np.minimum(np.searchsorted(np.cumsum(weights[order]), at), len(weights) - 1)]
    out: NDArray[np.int64] = rng.permutation(np.concatenate([rows, np.full(drawn, DRAWN)])).astype(np.int64)
    return out


def pass_over(count: int, seed: int) -> NDArray[np.int64]:
    """Each row once, shuffled (the origin's way)."""
    return np.random.default_rng(seed).permutation(count).astype(np.int64)

"""Which images are held out together: five folds of whole origins, related origins on one side, each class in each fold.

Deterministic: the same rows give the same folds on any machine.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from server.training.data.dataset import Row

FOLDS = 5
SEARCH_STEPS = 6000  # moves tried by the search; the cost stops falling after about 3000 on 167 origins
SEED = 20251122

# Origins that share patients, images, or one person's conversion, so that one would give the other away.
RELATED: dict[str, str] = {
    "kaggle-navoneel-brain-mri": "kaggle-brain",
    "kaggle-brain-tumor-mri-sartaj": "kaggle-brain",
    "cohen-covid-chestxray": "covid-papers",
    "ucsd-covid-ct": "covid-papers",
    "wbc-cellavision": "wbc",
    "wbc-jiangxi-tecom": "wbc",
    "TCIA-STS-PET": "sarcoma-pet",
    "tcia-sts-petct": "sarcoma-pet",
    "messier-catalog": "messier",
    "lcogt-messier": "messier",
}
RELATED_PREFIXES = ("openstax-", "MSD-", "mask-", "pocus-", "cvc-", "MMOTU-", "duke-", "neurips22-", "EchoNet-")
HAM10000 = ("isic-", "ham10000")  # the later ISIC sets contain HAM10000


def unit_of(origin: str) -> str:
    """The name of the group of related origins, or the origin's own name."""
    if origin in RELATED:
        return RELATED[origin]
    if origin.lower().startswith(HAM10000):
        return "isic"
    for prefix in RELATED_PREFIXES:
        if origin.startswith(prefix):
            return prefix + "*"
    return origin


def part_of(kind: str) -> str:
    """A kind without its particulars ("chest (paediatric)" -> "chest", "hip axial" -> "hip"), to spread kinds over folds."""
    words = kind.split("(", maxsplit=1)[0].split()
    plain = [word for word in words if word not in ("coronal", "axial", "sagittal", "lateral")]
    return " ".join(plain)


def fold_of(rows: Sequence[Row], folds: int = FOLDS) -> NDArray[np.int64]:
    """[n] fold number of each row. No unit of related origins is in two folds."""
    units = sorted({unit_of(row.origin) for row in rows})
    traits: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for row in rows:
        traits[unit_of(row.origin)][("label", row.label)] += 1
        traits[unit_of(row.origin)][("kind", row.label, part_of(row.kind))] += 1
    totals: Counter[tuple[str, ...]] = Counter()
    for counter in traits.values():
        totals.update(counter)
    names = sorted(totals)
    column = {name: i for i, name in enumerate(names)}
    # share of each trait's images in each unit, and whether the unit has it at all: both are to be spread evenly
    share = np.zeros((len(units), len(names)))
    for i, unit in enumerate(units):
        for name, n in traits[unit].items():
            share[i, column[name]] = n / totals[name]
    has = (share > 0) / np.maximum((share > 0).sum(0), 1)
    weight = np.array([6.0 if name[0] == "label" else min(1.0, totals[name] / 200) for name in names])
    place = _search(share, has, weight, folds)
    number = dict(zip(units, place, strict=True))
    return np.array([number[unit_of(row.origin)] for row in rows], np.int64)


def _search(share: NDArray[np.float64], has: NDArray[np.float64], weight: NDArray[np.float64], folds: int) -> list[int]:
    """Hill climbing over single moves, from a start by size; the same result each time."""
    rng = np.random.default_rng(SEED)
    order = sorted(range(len(share)), key=lambda i: -float((share[i] * weight).sum()))
    place = [0] * len(share)
    for rank, unit in enumerate(order):
        place[unit] = rank % folds
    load = np.zeros((2, folds, share.shape[1]))
    for unit, fold in enumerate(place):
        load[0, fold] += share[unit]
        load[1, fold] += has[unit]

    def cost() -> float:
        # squares punish a fold that holds most of a class, or none of it
        return float((((load - 1 / folds) ** 2).sum(1) * weight).sum())

    best = cost()
    for _ in range(SEARCH_STEPS):
        unit, fold = int(rng.integers(len(place))), int(rng.integers(folds))
        old = place[unit]
        if fold == old:
            continue
        step = np.stack([share[unit], has[unit]])
        load[:, old] -= step
        load[:, fold] += step
        if (now := cost()) < best:
            best, place[unit] = now, fold
        else:
            load[:, old] += step
            load[:, fold] -= step
    return place

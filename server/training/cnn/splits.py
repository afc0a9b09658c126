"""Which rows a run trains on and which it is measured on: a fold of origins, groups within origins, or a part of the origins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from server.contract.modalities import MODALITIES
from server.training.cnn.config import TrainConfig
from server.training.data.dataset import Row
from server.training.data.folds import fold_of, unit_of


def split(rows: list[Row], config: TrainConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers to train on and to measure on: a fold, a share of the origins for choosing the best epoch, or none."""
    everything = np.arange(len(rows))
    if config.hold_out is not None:
        folds = fold_of(rows)
        return everything[folds != config.hold_out], everything[folds == config.hold_out]
    if config.in_source:
        groups = [f"{row.origin}/{row.group or row.file.name}" for row in rows]
        kept = random_groups(groups, config.in_source, config.seed)
        return everything[~kept], everything[kept]
    if config.select == "best" or config.patience:
        rng = np.random.default_rng(config.seed)
        if len({unit_of(row.origin) for row in rows}) > len(MODALITIES) * 3:
            folds = fold_of(rows, max(2, round(1 / config.validation_share)))
            return everything[folds != 0], everything[folds == 0]
        held = np.sort(rng.permutation(everything)[: max(1, round(len(rows) * config.validation_share))])  # no origins known
        return np.setdiff1d(everything, held), held
    return everything, everything[:0]


def random_groups(groups: list[str], share: float, seed: int) -> NDArray[np.bool_]:
    """[n] true for the rows of about `share` of the groups (patients, videos, or single images)."""
    names, at = np.unique(groups, return_inverse=True)
    out: NDArray[np.bool_] = (np.random.default_rng(seed).random(len(names)) < share)[at]
    return out

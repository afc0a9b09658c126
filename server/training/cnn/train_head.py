"""The default recipe of `medlens train cnn`: ImageNet's own EfficientNet-Lite0 unchanged, and a head fitted on its features.

Tuning the body gained almost nothing over this on held-out origins (docs/experiments.md) and took hours for each fold.
Features are computed once and kept beside the pixel cache; the fit itself takes a minute or two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from server.contract.modalities import MODALITIES
from server.models.checkpoint import save_checkpoint, start_cnn
from server.models.cnn import CNN
from server.models.layout import DEEP
from server.training.cnn.config import LICENCES, TrainConfig
from server.training.cnn.head import Heads, fit_heads
from server.training.cnn.progress import Reporter
from server.training.cnn.splits import split
from server.training.cnn.views import LEARNED, ViewFeatures
from server.training.data import sampling
from server.training.data.dataset import PixelCache, Row, data_sha256, read_rows
from server.training.data.folds import FOLDS, fold_of
from server.training.drawn import phantoms

BEST = "cnn.safetensors"  # what a run is for
DRAWN_SHARE = 0.15  # of the training weight is phantoms, evenly among their kinds; .05 to .2 were within .005

Say = Callable[[str], None]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class TrainingFeatures:
    """Features [n, f] of all views one below the other, class numbers, row numbers (-1: a phantom) and view numbers [n]."""

    features: NDArray[np.float16]
    labels: NDArray[np.int64]
    rows: NDArray[np.int64]
    views: NDArray[np.int64]


def body(weights: str = "imagenet") -> CNN:
    """The network whose features everything reads, its head not yet fitted."""
    return start_cnn("efficientnet_lite0", weights, MODALITIES, textures=True).eval()


def training_features(
    cnn: CNN, rows: Sequence[Row], cache: PixelCache, config: TrainConfig, reporter: Reporter
) -> TrainingFeatures:
    view_features = ViewFeatures(cnn, config.cache, config.threads, reporter.images)
    labels = np.array([MODALITIES.index(row.label) for row in rows])
    drawn = np.array([MODALITIES.index(label) for label in phantoms.labels(config.phantoms)], np.int64)
    parts: list[tuple[NDArray[np.float16], NDArray[np.int64], NDArray[np.int64]]] = []
    for view in LEARNED:
        features_of_view, at = view_features.rows(view, rows, cache)
        parts.append((features_of_view, labels[at], at))
        parts.append((view_features.phantoms(view, config.phantoms), drawn, np.full(len(drawn), -1)))
    views = np.concatenate([np.full(len(one[1]), number // 2) for number, one in enumerate(parts)])
    features, answers, numbers = (np.concatenate([part[i] for part in parts]) for i in range(3))
    return TrainingFeatures(features, answers.astype(np.int64), numbers.astype(np.int64), views)


def sample_weights(given: TrainingFeatures, rows: Sequence[Row], trained: Mask, non_medical_share: float) -> NDArray[np.float64]:
    """[n], sums to 1: the weight of each row of features when only the rows `trained` [rows] are trained on.

    Views have equal weights.
    """
    by_row = np.zeros(len(rows))
    by_row[trained] = sampling.draw_weights([row for row, use in zip(rows, trained, strict=True) if use], non_medical_share)
    real = given.rows >= 0
    weights = np.where(real, by_row[given.rows], 0.0)
    for view in np.unique(given.views):
        here = given.views == view
        weights[here] *= (1 - DRAWN_SHARE) / len(LEARNED) / weights[here].sum()
        weights[here & ~real] = DRAWN_SHARE / len(LEARNED) / (here & ~real).sum()
    return np.asarray(weights / weights.sum())


def train_head(config: TrainConfig, say: Say = print) -> Path:
    """Fit, write `config.out`/BEST and return its path. Features are cached from earlier runs."""
    rows = read_rows(config.data)
    reporter, cnn = Reporter(say), body(config.weights)
    cache = PixelCache(rows, config.cache, reporter.images)
    train, _ = split(rows, config)
    trained = np.zeros(len(rows), np.bool_)
    trained[train] = True
    given = training_features(cnn, rows, cache, config, reporter)
    weights = sample_weights(given, rows, trained, config.non_medical_share)
    heads = fit_heads(given.features, given.labels, weights[:, None], len(MODALITIES), DEEP, progress=reporter.passes)
    return write_network(cnn, heads, config, [rows[i] for i in train])


def fold_logits(config: TrainConfig, say: Say = print) -> tuple[NDArray[np.float32], NDArray[np.int64], Heads]:
    """Logits [rows, 6] of each re-saved image by its own fold's head, which was not fitted on its origin; folds; the heads.

    Re-saved, as for CLIP and K-Means: in the older images as stored, the file format gives the label away.
    """
    rows = read_rows(config.data)
    reporter, cnn = Reporter(say), body(config.weights)
    cache = PixelCache(rows, config.cache, reporter.images)
    folds, given = fold_of(rows), training_features(cnn, rows, cache, config, reporter)
    weights = np.stack([sample_weights(given, rows, folds != fold, config.non_medical_share) for fold in range(FOLDS)], 1)
    heads = fit_heads(given.features, given.labels, weights, len(MODALITIES), DEEP, progress=reporter.passes)
    features, _ = ViewFeatures(cnn, config.cache, config.threads, reporter.images).rows(LEARNED[0], rows, cache)
    logits = np.zeros((len(rows), len(MODALITIES)), np.float32)
    for fold in range(FOLDS):
        logits[folds == fold] = heads.logits(np.asarray(features[folds == fold], np.float32), fold)
    return logits, folds, heads


def write_network(cnn: CNN, heads: Heads, config: TrainConfig, learned: Sequence[Row]) -> Path:
    with torch.no_grad():
        cnn.head.weight.copy_(torch.from_numpy(heads.weight[0]))
        cnn.head.bias.copy_(torch.from_numpy(heads.bias[0]))
    path = config.out / BEST
    part = "all" if config.hold_out is None else f"fold{config.hold_out}"
    plain = {"weights": config.weights, "phantoms": config.phantoms, "non_medical_share": config.non_medical_share}
    save_checkpoint(path, cnn, name=f"efficientnet_lite0-{part}", data_sha256=data_sha256(learned), config=plain, licences=LICENCES)
    return path

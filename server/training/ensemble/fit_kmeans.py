"""`medlens train kmeans`: clusters of the backbone's features by scikit-learn, and the shares of the labels in each.

How many clusters, and how sharply distance counts, is measured on held-out origins. A minute or two on two cores.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from server.contract.modalities import MODALITIES
from server.models.checkpoint import SHIPPED_CNN, load_cnn
from server.models.kmeans import SHIPPED_KMEANS, KMeansModel, mixed, save_kmeans, squared_distances, unit
from server.training.clip.run_clip import few_of_each
from server.training.cnn.features import digest_of
from server.training.cnn.progress import Reporter
from server.training.cnn.views import deep_features
from server.training.data.dataset import PixelCache, Row, read_rows
from server.training.data.folds import FOLDS, fold_of
from server.training.metrics import figures

Floats = NDArray[np.float32]
Say = Callable[[str], None]

AXES = 128  # principal axes kept: .2 of a point of accuracy under all 1280, at a tenth of the time and size
COUNTS = (32, 64, 128, 256, 512)  # of clusters, tried
SHARPNESS = (4.0, 8.0, 16.0, 32.0, 64.0)  # tried; features have unit length, so squared distances lie between 0 and 4
SMOOTHING = 0.5  # images of every class that each cluster is thought to hold besides its own
SEED = 20251122


def fit_kmeans(
    data: Path, out: Path = SHIPPED_KMEANS, cnn: Path = SHIPPED_CNN, work: Path = Path("runs"), *,
    counts: Sequence[int] = COUNTS, threads: int = 2, say: Say = print,
) -> dict[str, Any]:  # fmt: skip
    """Choose K on held-out origins, fit on all rows, write `out` and `work`/oof/kmeans/FOLD.npz; the figures of each K tried."""
    rows, reporter = read_rows(data), Reporter(say)
    kept, network = work / "cache", load_cnn(cnn)
    pixels = PixelCache(rows, kept, reporter.images)
    labels = np.array([MODALITIES.index(row.label) for row in rows])
    fold, learned = fold_of(rows), few_of_each(rows)
    features = deep_features(network, rows, pixels, kept, threads, reporter.images)
    by_fold = dict.fromkeys(range(FOLDS), features)
    judged = np.isin(fold, list(by_fold))
    fits = 0

    def fitted() -> None:
        nonlocal fits
        fits += 1
        reporter.report("clustering", fits, len(counts) * len(by_fold), "fits")

    tried = {count: held_out(by_fold, rows, labels, fold, count, fitted) for count in counts}
    best: tuple[float, int, float] = (0.0, 0, 0.0)
    report: dict[str, Any] = {}
    for count, by_sharpness in tried.items():
        for sharpness, chances in by_sharpness.items():
            found = figures(chances[judged], labels[judged])
            report[f"{count}/{sharpness:g}"] = {name: found[name] for name in ("accuracy", "balanced_accuracy")} | {
                "auroc": found["medical"]["auroc"]
            }
            best = max(best, (found["balanced_accuracy"], count, sharpness))
        say(f"{count} clusters: {report[f'{count}/{best[2]:g}']}")
    _, count, sharpness = best
    model = cluster(features, rows, labels, learned, count)
    chosen = figures(tried[count][sharpness][judged], labels[judged])
    (work / "oof" / "kmeans").mkdir(parents=True, exist_ok=True)
    for k in by_fold:
        indices = np.flatnonzero(fold == k)
        np.savez(work / "oof" / "kmeans" / f"{k}.npz", logits=np.log(tried[count][sharpness][indices]), indices=indices)
    metrics = json.dumps({"clusters": count, "sharpness": sharpness, "held_out": chosen})
    save_kmeans(out, KMeansModel(*model, sharpness, backbone=digest_of(network), metrics=metrics))
    return {"clusters": count, "sharpness": sharpness, "held_out": chosen, "tried": report}


def held_out(
    by_fold: Mapping[int, Floats], rows: Sequence[Row], labels: NDArray[np.int64], fold: NDArray[np.int64], count: int,
    fitted: Callable[[], None],
) -> dict[float, Floats]:  # fmt: skip
    """For each sharpness the probabilities [n, 6] that clusters of the other folds give each row.

    `fitted()` is called after each fold.
    """
    out = {sharpness: np.zeros((len(rows), len(MODALITIES)), np.float32) for sharpness in SHARPNESS}
    learned = few_of_each(rows)
    for k, features in by_fold.items():
        held = np.flatnonzero(fold == k)
        mean, axes, centres, mix = cluster(features, rows, labels, learned[fold[learned] != k], count)
        distances = squared_distances(np.asarray((unit(features[held]) - mean) @ axes, np.float32), centres)
        for sharpness, chances in out.items():
            chances[held] = mixed(distances, mix, sharpness)
        fitted()
    return out


def cluster(
    features: Floats, rows: Sequence[Row], labels: NDArray[np.int64], chosen: NDArray[np.int64], count: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """(mean [f], axes [f, d], centres [k, d], mix [k, 6]) of the chosen rows. Labels play no part in the clusters.

    Big origins count by their square root, so that one data set does not take most of the clusters; so do they in the mixes, in
    which the modalities are even at large.
    """
    points = unit(features[chosen])
    sizes = Counter(rows[int(i)].origin for i in chosen)
    weights = np.array([sizes[rows[int(i)].origin] ** -0.5 for i in chosen])
    pca = PCA(min(AXES, len(points) - 1, points.shape[1]), svd_solver="randomized", random_state=SEED).fit(points)
    axes = np.asarray(pca.components_.T, np.float32)
    placed = np.asarray((points - pca.mean_) @ axes, np.float32)
    found = KMeans(min(count, len(points)), n_init=1, max_iter=60, random_state=SEED).fit(placed, sample_weight=weights)
    even = np.array([weights[labels[chosen] == i].sum() or 1.0 for i in range(len(MODALITIES))])
    share = weights / even[labels[chosen]] * len(chosen) / len(MODALITIES)
    mix = np.full((len(found.cluster_centers_), len(MODALITIES)), SMOOTHING)
    np.add.at(mix, (found.labels_, labels[chosen]), share)
    mix /= mix.sum(1, keepdims=True)
    return np.asarray(pca.mean_, np.float32), axes, np.asarray(found.cluster_centers_, np.float32), np.asarray(mix, np.float32)

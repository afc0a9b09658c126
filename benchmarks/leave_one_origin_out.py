"""Each origin of at least 20 images judged by a head that saw nothing of it, nor of a related one: what frozen features carry over.

    .venv/bin/python benchmarks/leave_one_origin_out.py --data ../shared/data --cache runs/cache

The head reads ImageNet's own features (deep and textures) of phantoms, and of images that were scaled and saved anew, so that how
an origin was stored tells nothing. Heads for many origins are fitted at once; half an hour on an idle core. Does not touch the
shipped weights.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from record import record

from server.contract.modalities import MODALITIES
from server.models.calibration import NON, answers, probabilities
from server.models.layout import DEEP
from server.training.cnn.config import TrainConfig
from server.training.cnn.head import fit_heads
from server.training.cnn.progress import Reporter
from server.training.cnn.train_head import TrainingFeatures, body, sample_weights
from server.training.cnn.views import LEARNED, ViewFeatures, few_of_each
from server.training.data.dataset import PixelCache, read_rows
from server.training.data.folds import unit_of
from server.training.drawn import phantoms
from server.training.metrics import figures

LEAST = 20  # images: a share of fewer says little
ITERATIONS = 25  # of L-BFGS: within half a point of a full fit, at a third of the time
AT_ONCE = 20  # heads


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    given = parser.parse_args()
    rows, reporter, config = read_rows(given.data), Reporter(), TrainConfig()
    view_features = ViewFeatures(body(), given.cache, progress=reporter.images)
    seen, _ = view_features.rows(LEARNED[0], rows, PixelCache(rows, given.cache))
    drawn, few = view_features.phantoms(LEARNED[0], config.phantoms), few_of_each(rows)
    labels = np.array([MODALITIES.index(row.label) for row in rows])
    of_drawn = np.array([MODALITIES.index(label) for label in phantoms.labels(config.phantoms)])
    numbers = np.concatenate([few, np.full(len(drawn), -1)])
    taught = TrainingFeatures(
        np.concatenate([seen[few], drawn]), np.concatenate([labels[few], of_drawn]), numbers, np.zeros(len(numbers), np.int64)
    )
    units = np.array([unit_of(row.origin) for row in rows])
    counts = Counter(row.origin for row in rows)
    names = sorted(name for name, count in counts.items() if count >= LEAST)
    chances = np.full((len(rows), len(MODALITIES)), np.nan)
    per_origin = {}
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        weights = [sample_weights(taught, rows, units != unit_of(name), config.non_medical_share) for name in some]
        heads = fit_heads(
            taught.features, taught.labels, np.stack(weights, 1), len(MODALITIES), DEEP, iterations=ITERATIONS,
            progress=reporter.passes,
        )  # fmt: skip
        for number, origin in enumerate(some):
            mine = np.array([row.origin == origin for row in rows])
            chances[mine] = probabilities(heads.logits(np.asarray(seen[mine], np.float32), number))
            said = answers(chances[mine].astype(np.float32))
            per_origin[origin] = {
                "label": rows[int(np.flatnonzero(mine)[0])].label,
                "n": int(mine.sum()),
                "right": round(float((said == labels[mine]).mean()), 3),
                "medical_or_not_right": round(float(((said != NON) == (labels[mine] != NON)).mean()), 3),
                "mostly_called": MODALITIES[int(np.bincount(said, minlength=len(MODALITIES)).argmax())],
            }
            print(origin, per_origin[origin], flush=True)
    judged = ~np.isnan(chances[:, 0])
    whole = figures(chances[judged], labels[judged])
    record(
        "leave_one_origin_out",
        {"least": LEAST, "iterations": ITERATIONS, "features": "ImageNet's own, deep and textures, one view saved anew, phantoms"},
        {
            "origins": len(per_origin),
            "n": int(judged.sum()),
            "accuracy": round(whole["accuracy"], 4),
            "balanced_accuracy": round(whole["balanced_accuracy"], 4),
            "medical_auroc": round(whole["medical"]["auroc"], 4),
            "mean_over_origins": round(float(np.mean([one["right"] for one in per_origin.values()])), 4),
            "per_origin": per_origin,
        },
    )


if __name__ == "__main__":
    main()

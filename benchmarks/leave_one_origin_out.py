"""Each origin of at least 20 images judged by a head that saw nothing of it, nor of a related one: what frozen features carry over.

    .venv/bin/python benchmarks/leave_one_origin_out.py --data ../shared/data --cache runs/cache

The head reads the untouched ImageNet branch (deep features and textures) of phantoms, and of pictures that were scaled and saved
anew, so that how an origin was stored tells nothing. A fresh head for every origin; ten to twenty minutes. Does not touch the
shipped weights.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from record import record
from server.training.cnn.twin_head import fit_twin_head, lessons

from server.contract.modalities import MODALITIES, NON_MEDICAL
from server.models.layout import DEEP
from server.training.cnn.config import TrainConfig
from server.training.cnn.held_out import softmax
from server.training.data.dataset import PixelCache, read_rows
from server.training.data.folds import unit_of
from server.training.data.views import phantom_views, twin_views
from server.training.drawn import phantoms
from server.training.metrics import figures

LEAST = 20  # images: a share of fewer says little
EACH = TrainConfig().phantoms
ITERATIONS = 25  # of L-BFGS: within half a point of a full fit, at a third of the time


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    given = parser.parse_args()
    rows = read_rows(given.data)
    (view, *_), (drawn, *_) = twin_views(rows, PixelCache(rows, given.cache), given.cache), phantom_views(given.cache, EACH)
    labels = np.array([MODALITIES.index(row.label) for row in rows])
    units = np.array([unit_of(row.origin) for row in rows])
    counts = Counter(row.origin for row in rows)
    chances = np.full((len(rows), len(MODALITIES)), np.nan)
    per_origin = {}
    for origin in sorted(name for name, count in counts.items() if count >= LEAST):
        mine = np.array([row.origin == origin for row in rows])
        train = np.flatnonzero(units != unit_of(origin))
        given_to_it = lessons(rows, train, [view], [drawn], phantoms.labels(EACH), MODALITIES, TrainConfig().non_medical_share)
        head = fit_twin_head(*given_to_it, DEEP, len(MODALITIES), iterations=ITERATIONS)
        with torch.inference_mode():
            chances[mine] = softmax(head(torch.from_numpy(view[mine].astype(np.float32))).numpy())
        said = chances[mine].argmax(1)
        non = MODALITIES.index(NON_MEDICAL)
        per_origin[origin] = {
            "label": rows[int(np.flatnonzero(mine)[0])].label,
            "n": int(mine.sum()),
            "right": round(float((said == labels[mine]).mean()), 3),
            "medical_or_not_right": round(float(((said != non) == (labels[mine] != non)).mean()), 3),
            "mostly_called": MODALITIES[int(np.bincount(said, minlength=len(MODALITIES)).argmax())],
        }
        print(origin, per_origin[origin], flush=True)
    judged = ~np.isnan(chances[:, 0])
    whole = figures(chances[judged], labels[judged])
    record(
        "leave_one_origin_out",
        {
            "least": LEAST,
            "iterations": ITERATIONS,
            "features": "untouched ImageNet branch, deep and textures, one resaved view, phantoms",
        },
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

"""Whole kinds of images left out: what a head says of a kind it was never shown, and when that may be called sure.

    .venv/bin/python benchmarks/leave_kinds_out.py --data ../shared/data --cache runs/cache

One head for each of some 46 kinds (server/training/data/kinds_apart.py) over ImageNet's own features of images saved anew, at
most 60 of an origin and kind, without phantoms, all fitted at once; ten minutes on an idle core. Kinds count alike, however many
images they have. Also tries what might warn of the unknown beside the probability. Does not touch the shipped weights.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from record import record

from server.contract.modalities import MODALITIES
from server.models.calibration import HALF, NON, answers, medical_chance, probabilities
from server.models.layout import DEEP
from server.training.cnn.config import TrainConfig
from server.training.cnn.head import fit_heads
from server.training.cnn.progress import Reporter
from server.training.cnn.train_head import body
from server.training.cnn.views import LEARNED, ViewFeatures, few_of_each
from server.training.data.dataset import PixelCache, read_rows
from server.training.data.kinds_apart import kinds_apart
from server.training.data.sampling import draw_weights

ITERATIONS = 35
NEIGHBOURS = 10
AXES = 128
PROMISES = (0.98, 0.99)

Floats = NDArray[np.float64]


def least(score: Floats, right: NDArray[np.bool_], weights: Floats, promise: float) -> dict[str, float] | None:
    """From which score on answers are right as promised, and what share is then left open."""
    order = np.argsort(-score)
    shares = np.cumsum((right * weights)[order]) / np.cumsum(weights[order])
    kept = np.flatnonzero(shares >= promise)
    if not len(kept):
        return None
    return {"from": round(float(score[order][kept[-1]]), 4), "abstained": round(1 - float(weights[order][: kept[-1] + 1].sum()), 4)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    given = parser.parse_args()
    rows, reporter = read_rows(given.data), Reporter()
    labels = np.array([MODALITIES.index(row.label) for row in rows])
    seen, _ = ViewFeatures(body(), given.cache, progress=reporter.images).rows(LEARNED[0], rows, PixelCache(rows, given.cache))
    few, groups = few_of_each(rows), kinds_apart(rows)
    drawn = draw_weights(rows, TrainConfig().non_medical_share)
    weights = np.stack([np.where(group, 0.0, drawn)[few] for group in groups.values()], 1)
    heads = fit_heads(
        seen[few], labels[few], weights / weights.sum(0), len(MODALITIES), DEEP, iterations=ITERATIONS, progress=reporter.passes
    )
    deep = np.asarray(seen[:, :DEEP], np.float32)
    deep /= np.linalg.norm(deep, axis=1, keepdims=True)
    deep -= deep[few].mean(0)
    axes = np.linalg.eigh(np.cov(deep[few].T))[1][:, ::-1][:, :AXES]
    placed = deep @ axes
    placed /= np.linalg.norm(placed, axis=1, keepdims=True)
    per_kind: dict[str, Any] = {}
    columns: dict[str, list[Floats]] = {
        name: [] for name in ("medical", "six", "near", "agree", "alike", "right", "right_medical", "w")
    }
    for number, (name, group) in enumerate(groups.items()):
        chances = probabilities(heads.logits(np.asarray(seen[group], np.float32), number))
        chance, said = medical_chance(chances), answers(chances)
        known = few[~group[few]]
        similar = placed[group] @ placed[known].T
        near = np.argpartition(similar, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS:]
        columns["medical"].append(np.maximum(chance, 1 - chance))
        columns["six"].append(chances[np.arange(len(said)), said])
        columns["near"].append(np.take_along_axis(similar, near, 1).mean(1))
        columns["agree"].append((labels[known][near] == said[:, None]).mean(1))
        columns["alike"].append(((labels[known][near] != NON) == (said != NON)[:, None]).mean(1))
        columns["right"].append(said == labels[group])
        columns["right_medical"].append((chance >= HALF) == (labels[group] != NON))
        columns["w"].append(np.full(len(said), 1 / len(groups) / len(said)))
        per_kind[name] = {
            "n": int(group.sum()),
            "right": round(float(columns["right"][-1].mean()), 3),
            "medical_or_not_right": round(float(columns["right_medical"][-1].mean()), 3),
        }
    of = {name: np.concatenate(values).astype(np.float64) for name, values in columns.items()}
    figures: dict[str, Any] = {
        "kinds": len(groups),
        "n": len(of["w"]),
        "right": round(float((of["right"] * of["w"]).sum()), 4),
        "medical_or_not_right": round(float((of["right_medical"] * of["w"]).sum()), 4),
    }
    for promise in PROMISES:
        for what, chance, right, agree in (
            ("medical", of["medical"], "right_medical", "alike"),
            ("six", of["six"], "right", "agree"),
        ):
            logit = np.log(np.clip(chance, 1e-6, 1 - 1e-6) / (1 - np.clip(chance, 1e-6, 1 - 1e-6)))
            tried = {
                "probability": chance, "and 9 of 10 neighbours agree": np.where(of[agree] >= 0.9, chance, 0),
                "logit + 6 * share of neighbours that agree": logit + 6 * of[agree],
                "logit + 8 * similarity": logit + 8 * of["near"],
            }  # fmt: skip
            figures[f"{what}, right {promise}"] = {
                name: least(score, of[right].astype(bool), of["w"], promise) for name, score in tried.items()
            }
    record("leave_kinds_out", {"iterations": ITERATIONS, "neighbours": NEIGHBOURS, "axes": AXES}, figures | {"per_kind": per_kind})


if __name__ == "__main__":
    main()

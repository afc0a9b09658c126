"""Out-of-fold predictions: each fold's images judged by a network that was not trained on their origins, with the figures.

`medlens train cnn --folds`: trains what is missing, writes OOF/<fold>.npz (logits, features, kinds, text, indices) for the ensemble
and one line of figures each to a file of results.
"""

from __future__ import annotations

import json
import platform
from collections import Counter
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.contract.modalities import MODALITIES, NON_MEDICAL
from server.models.checkpoint import load_cnn
from server.training.cnn.config import TrainConfig
from server.training.cnn.held_out import predict, probabilities_of
from server.training.cnn.train_cnn import Stop, pick_device, train_cnn
from server.training.cnn.train_head import fold_logits
from server.training.data.dataset import PixelCache, Row, read_rows
from server.training.data.folds import FOLDS, fold_of, unit_of
from server.training.metrics import auroc, confusion, figures, fpr_at_recall, interval, per_origin

NON = MODALITIES.index(NON_MEDICAL)
CONFUSERS = ("science_confuser", "medical_context")
ORDINARY = ("photo", "photo_gray", "chart", "diagram", "screenshot", "document", "logo_icon", "art")


def run_folds(
    config: TrainConfig, oof: Path, results: Path | None, folds: tuple[int, ...] = tuple(range(FOLDS)), stop: Stop = lambda: False
) -> None:
    """Train and judge each of `folds` under `config.out`/fold<k>; heads alone are fitted all at once."""
    if not config.tune:
        judge_heads(config, oof, results)
        return
    for fold in folds:
        one = replace(config, hold_out=fold, out=config.out / f"fold{fold}")
        block = judge_fold(one, oof, train_cnn(one, stop))
        if results is not None:
            write_result(results, {"run": f"fold{fold}", "held_out": block.pop("origins"), **block}, one)


def judge_heads(config: TrainConfig, oof: Path, results: Path | None) -> None:
    """Five heads over one body; each predicts the fold it was not fitted on."""
    rows = read_rows(config.data)
    logits, of, _ = fold_logits(config)
    oof.mkdir(parents=True, exist_ok=True)
    for fold in range(FOLDS):
        held = np.flatnonzero(of == fold)
        np.savez(oof / f"{fold}.npz", logits=logits[held], indices=held)
        if results is not None:
            block = described(probabilities_of(logits[held]), [rows[i] for i in held])
            write_result(results, {"run": f"fold{fold}", "held_out": block.pop("origins"), **block}, config)


def judge_fold(config: TrainConfig, oof: Path, path: Path) -> dict[str, Any]:
    """Predict the fold with its network at `path`, store the outputs in `oof`, return the figures."""
    rows = read_rows(config.data)
    held = np.flatnonzero(fold_of(rows) == config.hold_out)
    outputs = predict(load_cnn(path), PixelCache(rows, config.cache), held, pick_device(config.device))
    oof.mkdir(parents=True, exist_ok=True)
    kinds, text = outputs.kinds.astype(np.float16), outputs.text.astype(np.float16)
    file = oof / f"{config.hold_out}.npz"
    np.savez(file, logits=outputs.logits, features=outputs.features, kinds=kinds, text=text, indices=held)
    chosen = [rows[i] for i in held]
    return described(probabilities_of(outputs.logits), chosen)


def pooled(oof: Path, rows: list[Row]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities and row numbers of all folds there are, in row order."""
    logits, indices = [], []
    for file in sorted(oof.glob("[0-9]*.npz")):
        with np.load(file) as given:
            logits.append(given["logits"])
            indices.append(given["indices"])
    order = np.argsort(np.concatenate(indices))
    if np.concatenate(indices).max() >= len(rows):
        raise ValueError(f"{oof} belongs to other rows")
    return probabilities_of(np.concatenate(logits)[order]), np.concatenate(indices)[order]


def described(probabilities: NDArray[np.float64], rows: list[Row], intervals: bool = False) -> dict[str, Any]:
    """The contract's block, false alarms by kind at 99 % recall, the worst origins, the confusion matrix, origins with counts."""
    labels = np.array([MODALITIES.index(row.label) for row in rows])
    block = figures(probabilities, labels)
    block["false_alarms"] = false_alarms(probabilities, labels, rows)
    block["confusion"] = confusion(probabilities, labels).tolist()
    block["per_origin"] = per_origin(probabilities, labels, [row.origin for row in rows])
    block["origins"] = dict(sorted(Counter(row.origin for row in rows).items()))
    if intervals:
        block["intervals"] = bootstrap(probabilities, labels, [unit_of(row.origin) for row in rows])
    return block


def false_alarms(probabilities: NDArray[np.float64], labels: NDArray[np.int64], rows: list[Row]) -> dict[str, float]:
    """Share called medical at the threshold that finds 99 % of the medical images: ordinary kinds, confusers, and each kind."""
    medical = labels != NON
    if not medical.any() or medical.all():
        return {}
    score, kinds = 1 - probabilities[:, NON], np.array([row.kind for row in rows])
    sets = {"ordinary": ORDINARY, "confusers": CONFUSERS} | {kind: (kind,) for kind in (*ORDINARY, *CONFUSERS)}
    out = {}
    for name, members in sets.items():
        chosen = medical | np.isin(kinds, members)
        if (chosen & ~medical).any():
            out[name] = fpr_at_recall(medical[chosen], score[chosen], 0.99) or 0.0
    return out


def bootstrap(probabilities: NDArray[np.float64], labels: NDArray[np.int64], units: list[str]) -> dict[str, Any]:
    """95 % intervals over whole units of related origins."""

    def balanced(at: NDArray[np.int64]) -> float:
        right, there = probabilities[at].argmax(1) == labels[at], labels[at]
        return float(np.mean([right[there == i].mean() for i in np.unique(there)]))

    return {
        "accuracy": interval(lambda at: float((probabilities[at].argmax(1) == labels[at]).mean()), units),
        "balanced_accuracy": interval(balanced, units),
        "medical_auroc": interval(lambda at: auroc(labels[at] != NON, 1 - probabilities[at, NON]), units),
    }


def write_result(results: Path, line: dict[str, Any], config: TrainConfig) -> None:
    """Append one JSON line: what was run, with every argument, on what machine, and what came out."""
    results.parent.mkdir(parents=True, exist_ok=True)
    arguments = {key: value for key, value in asdict(config).items() if not isinstance(value, Path)}
    whole = {"benchmark": "train_cnn", "at": datetime.now(UTC).isoformat(timespec="seconds"), "arguments": arguments, **line}
    whole["machine"] = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(rounded(whole)) + "\n")


def rounded(value: Any) -> Any:
    """All floats of a nested value rounded to four digits, the precision of a result."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(part) for part in value]
    return value

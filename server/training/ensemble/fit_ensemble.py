"""Fit the ensemble: `medlens train ensemble`. From out-of-fold predictions to weights/ensemble.json.

Reads `OOF/{fold}.npz` (the CNN's, written by its trainer: logits [n, 6], indices [n]) and `OOF/{member}/{fold}.npz` of every other
member, alike. Every figure it writes is cross-fitted: stack, temperature and thresholds come from the other folds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from server.contract.errors import NotFound, RequestError
from server.contract.modalities import MODALITIES
from server.models.calibration import NON, Floats, Thresholds, answers, log_probabilities, probabilities
from server.models.ensemble import FORMAT, Stack
from server.training.data.dataset import Row, data_sha256, read_rows
from server.training.ensemble.stacking import (
    KIND_FLOORS,
    SURE_ACCURACY,
    Ints,
    Wide,
    fit_stack,
    fit_temperature,
    fit_thresholds,
    origin_weights,
)
from server.training.metrics import figures

Strings: TypeAlias = NDArray[np.str_]
NAMES: list[str] = list(MODALITIES)
FIRST = "cnn"  # whose answers lie directly in the folder
LEAST = np.float32(1e-9)  # probability, before its logarithm


@dataclass(frozen=True, slots=True)
class FoldPredictions:
    """Each member's logits [n, 6] on the same n images, their folds, labels and origins."""

    logits: Mapping[str, Floats]
    folds: Ints
    labels: Ints
    origins: Strings

    def only(self, chosen: Any) -> FoldPredictions:
        logits = {name: rows[chosen] for name, rows in self.logits.items()}
        return FoldPredictions(logits, self.folds[chosen], self.labels[chosen], self.origins[chosen])


def fit_ensemble(data: Path, oof: Path, out: Path) -> dict[str, Any]:
    """Fit on the predictions in `oof` for the rows of `data`, write `out`, return what was written.

    Raises NotFound or RequestError.
    """
    rows = read_rows(data)
    predictions = read_predictions(oof, rows)
    content = fitted(predictions) | {"data_sha256": data_sha256(rows), "created": datetime.now(UTC).isoformat(timespec="seconds")}
    part = out.with_suffix(".part")
    part.write_text(json.dumps(content, indent=1) + "\n")
    part.replace(out)
    return content


def read_predictions(oof: Path, rows: Sequence[Row]) -> FoldPredictions:
    """The predictions for images that every member has predicted.

    Raises NotFound without the CNN's, RequestError for those of other rows.
    """
    folders = {FIRST: oof} | {path.name: path for path in sorted(oof.iterdir()) if path.is_dir()} if oof.is_dir() else {}
    logits: dict[str, Floats] = {}
    folds = np.full(len(rows), -1)
    for name, folder in folders.items():
        logits_of_member = np.full((len(rows), len(MODALITIES)), np.nan, np.float32)
        for path in sorted(folder.glob("[0-9]*.npz")):
            with np.load(path) as file:
                if file["indices"].max() >= len(rows) or file["logits"].shape != (len(file["indices"]), len(MODALITIES)):
                    raise RequestError(f"{path} does not belong to these {len(rows)} images")
                logits_of_member[file["indices"]] = file["logits"]
                folds[file["indices"]] = int(path.stem)
        if not np.isnan(logits_of_member).all():
            logits[name] = logits_of_member
    if FIRST not in logits:  # it is a member of what ships: without it the file would have no weight for it
        raise NotFound(f"no predictions of the CNN under {oof}; `medlens train cnn --folds` writes them")
    complete = ~np.isnan(np.stack(list(logits.values()))).any(axis=(0, 2))
    labels = np.asarray([NAMES.index(row.label) for row in rows])
    return FoldPredictions(logits, folds, labels, np.asarray([row.origin for row in rows])).only(complete)


def fitted(predictions: FoldPredictions) -> dict[str, Any]:
    """The content of ensemble.json: temperatures and stacks fitted on all of `predictions`, figures cross-fitted over its folds."""
    names = sorted(predictions.logits)
    subsets = [some for size in range(1, len(names) + 1) for some in combinations(names, size)]
    stacks, after = [], {}
    for some in subsets:
        raw = cross_fit(predictions, some)
        temperature = _left(raw, predictions)
        thresholds = fit_thresholds(_tempered(raw, temperature), predictions.labels, floors=KIND_FLOORS)
        stacks.append(_written(_fit(predictions, some), thresholds, temperature))
        after["+".join(some)] = settle(raw, predictions)
    return {
        "format": FORMAT,
        "modalities": list(MODALITIES),
        "temperatures": {
            name: fit_temperature(predictions.logits[name], predictions.labels, _weights(predictions)) for name in names
        },
        "stacks": stacks,
        "fitted_on": {"n": len(predictions.labels), "folds": len(np.unique(predictions.folds)), "sure_accuracy": SURE_ACCURACY},
        "figures": {
            "before": {name: figures(probabilities(predictions.logits[name]), predictions.labels) for name in names},
            "after": after,
        },
    }


def cross_fit(predictions: FoldPredictions, members: Sequence[str]) -> Floats:
    """Probabilities [n, 6] of the stack of `members`, each fold predicted by a stack fitted on the others."""
    crossed = np.zeros((len(predictions.labels), len(MODALITIES)), np.float32)
    for fold in np.unique(predictions.folds):
        here, others = predictions.only(predictions.folds == fold), predictions.only(predictions.folds != fold)
        crossed[predictions.folds == fold] = _fit(others, members).chances(_logs(others, here, members))
    return crossed


def settle(raw: Floats, predictions: FoldPredictions) -> dict[str, Any]:
    """The figures of calibrated predictions: temperature and thresholds of each fold come from the others.

    `medical_abstained` and `medical_right_when_sure` are of "medical or not" alone, the others of the modality too.
    """
    chances, uncertain, medical_sure = raw.copy(), np.zeros(len(raw), np.bool_), np.zeros(len(raw), np.bool_)
    for fold in np.unique(predictions.folds):
        here = predictions.folds == fold
        others = predictions.only(~here)
        temperature = _left(raw[~here], others)
        chances[here] = _tempered(raw[here], temperature)
        thresholds = fit_thresholds(_tempered(raw[~here], temperature), others.labels, floors=KIND_FLOORS)
        uncertain[here], medical_sure[here] = ~thresholds.sure(chances[here]), thresholds.medical_sure(chances[here])
    right = (answers(chances) != NON) == (predictions.labels != NON)
    return figures(chances, predictions.labels, uncertain) | {
        "medical_abstained": float((~medical_sure).mean()),
        "medical_right_when_sure": float(right[medical_sure].mean()) if medical_sure.any() else None,
    }


def _fit(predictions: FoldPredictions, members: Sequence[str]) -> Stack:
    return fit_stack(_logs(predictions, predictions, members), predictions.labels, _weights(predictions))


def _logs(fit_on: FoldPredictions, of: FoldPredictions, members: Sequence[str]) -> dict[str, Floats]:
    """Log-probabilities of `of`, each member at the temperature it has on `fit_on`."""
    temperatures = {name: fit_temperature(fit_on.logits[name], fit_on.labels, _weights(fit_on)) for name in members}
    return {name: log_probabilities(of.logits[name], temperatures[name]) for name in members}


def _left(raw: Floats, predictions: FoldPredictions) -> float:
    """The temperature that corrects a stack's confidence on folds it was not fitted on."""
    return fit_temperature(np.log(np.maximum(raw, LEAST)), predictions.labels, _weights(predictions))


def _tempered(raw: Floats, temperature: float) -> Floats:
    return probabilities(np.log(np.maximum(raw, LEAST)), temperature)


def _weights(predictions: FoldPredictions) -> Wide:
    return origin_weights(predictions.origins, predictions.labels)


def _written(stack: Stack, thresholds: Thresholds, temperature: float) -> dict[str, Any]:
    return {
        "members": list(stack.members),
        "weights": [round(weight, 5) for weight in stack.weights],
        "temperature": round(temperature, 4),
        "thresholds": thresholds.as_json(),
    }

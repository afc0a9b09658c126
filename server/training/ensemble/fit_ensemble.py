"""Fit the ensemble: `medlens train ensemble`. From answers on images the members did not learn from to weights/ensemble.json.

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
class Heard:
    """Each member's logits [n, 6] on the same n images, the fold that held each out, and what they are."""

    logits: Mapping[str, Floats]
    folds: Ints
    labels: Ints
    origins: Strings

    def only(self, chosen: Any) -> Heard:
        logits = {name: rows[chosen] for name, rows in self.logits.items()}
        return Heard(logits, self.folds[chosen], self.labels[chosen], self.origins[chosen])


def fit_ensemble(data: Path, oof: Path, out: Path) -> dict[str, Any]:
    """Fit on the answers in `oof` to the rows of `data`, write `out`, return what was written. Raises NotFound or RequestError."""
    rows = read_rows(data)
    heard = read_answers(oof, rows)
    content = fitted(heard) | {"data_sha256": data_sha256(rows), "created": datetime.now(UTC).isoformat(timespec="seconds")}
    part = out.with_suffix(".part")
    part.write_text(json.dumps(content, indent=1) + "\n")
    part.replace(out)
    return content


def read_answers(oof: Path, rows: Sequence[Row]) -> Heard:
    """What each member said of each image that all were asked about. Raises NotFound for none, RequestError for alien ones."""
    folders = {FIRST: oof} | {path.name: path for path in sorted(oof.iterdir()) if path.is_dir()} if oof.is_dir() else {}
    logits: dict[str, Floats] = {}
    folds = np.full(len(rows), -1)
    for name, folder in folders.items():
        said = np.full((len(rows), len(MODALITIES)), np.nan, np.float32)
        for path in sorted(folder.glob("[0-9]*.npz")):
            with np.load(path) as file:
                if file["indices"].max() >= len(rows) or file["logits"].shape != (len(file["indices"]), len(MODALITIES)):
                    raise RequestError(f"{path} does not belong to these {len(rows)} images")
                said[file["indices"]] = file["logits"]
                folds[file["indices"]] = int(path.stem)
        if not np.isnan(said).all():
            logits[name] = said
    if not logits:
        raise NotFound(f"no answers of any member under {oof}; `medlens train cnn --folds` writes them")
    asked = ~np.isnan(np.stack(list(logits.values()))).any(axis=(0, 2))
    labels = np.asarray([NAMES.index(row.label) for row in rows])
    return Heard(logits, folds, labels, np.asarray([row.origin for row in rows])).only(asked)


def fitted(heard: Heard) -> dict[str, Any]:
    """The content of ensemble.json: temperatures and stacks fitted on all of `heard`, figures cross-fitted over its folds."""
    names = sorted(heard.logits)
    subsets = [some for size in range(1, len(names) + 1) for some in combinations(names, size)]
    stacks, after = [], {}
    for some in subsets:
        raw = cross_fit(heard, some)
        temperature = _left(raw, heard)
        thresholds = fit_thresholds(_tempered(raw, temperature), heard.labels, floors=KIND_FLOORS)
        stacks.append(_written(_fit(heard, some), thresholds, temperature))
        after["+".join(some)] = settle(raw, heard)
    return {
        "format": FORMAT,
        "modalities": list(MODALITIES),
        "temperatures": {name: fit_temperature(heard.logits[name], heard.labels, _weights(heard)) for name in names},
        "stacks": stacks,
        "fitted_on": {"n": len(heard.labels), "folds": len(np.unique(heard.folds)), "sure_accuracy": SURE_ACCURACY},
        "figures": {"before": {name: figures(probabilities(heard.logits[name]), heard.labels) for name in names}, "after": after},
    }


def cross_fit(heard: Heard, members: Sequence[str]) -> Floats:
    """Probabilities [n, 6] of the stack of `members`, each fold answered by what was fitted on the others."""
    crossed = np.zeros((len(heard.labels), len(MODALITIES)), np.float32)
    for fold in np.unique(heard.folds):
        here, others = heard.only(heard.folds == fold), heard.only(heard.folds != fold)
        crossed[heard.folds == fold] = _fit(others, members).chances(_logs(others, here, members))
    return crossed


def settle(raw: Floats, heard: Heard) -> dict[str, Any]:
    """The figures of calibrated answers: temperature and thresholds of each fold come from the others.

    `medical_abstained` and `medical_right_when_sure` are of "medical or not" alone, the others of the modality too.
    """
    chances, uncertain, medical_sure = raw.copy(), np.zeros(len(raw), np.bool_), np.zeros(len(raw), np.bool_)
    for fold in np.unique(heard.folds):
        here = heard.folds == fold
        others = heard.only(~here)
        temperature = _left(raw[~here], others)
        chances[here] = _tempered(raw[here], temperature)
        thresholds = fit_thresholds(_tempered(raw[~here], temperature), others.labels, floors=KIND_FLOORS)
        uncertain[here], medical_sure[here] = ~thresholds.sure(chances[here]), thresholds.medical_sure(chances[here])
    right = (answers(chances) != NON) == (heard.labels != NON)
    return figures(chances, heard.labels, uncertain) | {
        "medical_abstained": float((~medical_sure).mean()),
        "medical_right_when_sure": float(right[medical_sure].mean()) if medical_sure.any() else None,
    }


def _fit(heard: Heard, members: Sequence[str]) -> Stack:
    return fit_stack(_logs(heard, heard, members), heard.labels, _weights(heard))


def _logs(fit_on: Heard, of: Heard, members: Sequence[str]) -> dict[str, Floats]:
    """Log-probabilities of `of`, each member at the temperature it has on `fit_on`."""
    temperatures = {name: fit_temperature(fit_on.logits[name], fit_on.labels, _weights(fit_on)) for name in members}
    return {name: log_probabilities(of.logits[name], temperatures[name]) for name in members}


def _left(raw: Floats, heard: Heard) -> float:
    """The temperature still to be corrected once a stack meets folds it was not fitted on."""
    return fit_temperature(np.log(np.maximum(raw, LEAST)), heard.labels, _weights(heard))


def _tempered(raw: Floats, temperature: float) -> Floats:
    return probabilities(np.log(np.maximum(raw, LEAST)), temperature)


def _weights(heard: Heard) -> Wide:
    return origin_weights(heard.origins, heard.labels)


def _written(stack: Stack, thresholds: Thresholds, temperature: float) -> dict[str, Any]:
    return {
        "members": list(stack.members),
        "weights": [round(weight, 5) for weight in stack.weights],
        "temperature": round(temperature, 4),
        "thresholds": thresholds.as_json(),
    }

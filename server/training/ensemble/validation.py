"""The members' out-of-fold predictions for labelled images, as one small file without images, by which refits are judged.

Written beside ensemble.json by `medlens train ensemble`. Logits are kept in half precision, as differences to the last modality's,
which is all that the softmax depends on.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from server.contract.errors import ModelError
from server.contract.modalities import MODALITIES
from server.models.checkpoint import READABLE, WEIGHTS
from server.training.ensemble.fit_ensemble import FoldPredictions

FILE_NAME = "validation.safetensors"
SHIPPED_VALIDATION = WEIGHTS / FILE_NAME
FORMAT = "1"


def write_validation(predictions: FoldPredictions, path: Path) -> None:
    """The file appears whole or not at all."""
    names, origins = np.unique(predictions.origins, return_inverse=True)
    tensors = {
        "labels": predictions.labels.astype(np.uint8),
        "folds": predictions.folds.astype(np.uint8),
        "origins": origins.astype(np.uint16),
        **{f"logits/{name}": (rows[:, :-1] - rows[:, -1:]).astype(np.float16) for name, rows in predictions.logits.items()},
    }
    card = {"format": FORMAT, "modalities": json.dumps(MODALITIES), "origins": json.dumps([str(name) for name in names])}
    part = path.with_suffix(".part")
    save_file({name: np.ascontiguousarray(values) for name, values in tensors.items()}, part, card)
    part.chmod(READABLE)
    part.replace(path)


def read_validation(path: Path = SHIPPED_VALIDATION) -> FoldPredictions:
    """Raises ModelError when the file is missing or was not written by medlens."""
    try:
        with safe_open(path, framework="np") as file:
            card = file.metadata() or {}
            if card.get("format") != FORMAT or tuple(json.loads(card["modalities"])) != MODALITIES:
                raise ModelError(
                    f"{path} was written for other modalities or by another version; `medlens train ensemble` makes it"
                )
            kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- a file is no mapping
        origins = np.asarray(json.loads(card["origins"]))[kept["origins"]]
        logits = {name.removeprefix("logits/"): _six_columns(values) for name, values in kept.items() if name.startswith("logits/")}
        return FoldPredictions(logits, kept["folds"].astype(np.int64), kept["labels"].astype(np.int64), origins)
    except (OSError, SafetensorError, KeyError, ValueError, IndexError) as error:
        raise ModelError(f"no answers to judge a refit by: {path}: {error}; `medlens train ensemble` writes them") from None


def _six_columns(differences: np.ndarray) -> np.ndarray:
    return np.pad(differences.astype(np.float32), ((0, 0), (0, 1)))

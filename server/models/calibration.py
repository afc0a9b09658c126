"""From logits to probabilities that mean what they say, and the confidence above which an answer counts as sure.

Everything here is numpy on arrays [n, 6] in the order of MODALITIES; fitting the numbers is
server/training/ensemble/fit_ensemble.py. This module does not know which member gave the logits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from server.contract.errors import SettingsError
from server.contract.records import MODALITIES

Floats: TypeAlias = NDArray[np.float32]

# Below this a member's log-probability says "never" and one over-sure member could veto all others for good.
LEAST_LOG_PROBABILITY = -12.0

# Asked of an answer when no threshold was fitted for its members: high enough to abstain too often rather than too seldom.
CAUTIOUS = 0.9


def log_probabilities(logits: Floats, temperature: float = 1.0) -> Floats:
    """Log-softmax of `logits` [n, 6] divided by `temperature` (> 1 makes them humbler), floored at LEAST_LOG_PROBABILITY."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    logs = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    return np.asarray(np.maximum(logs, LEAST_LOG_PROBABILITY), np.float32)


def probabilities(logits: Floats, temperature: float = 1.0) -> Floats:
    """Softmax of `logits` [n, 6] divided by `temperature`; each row sums to 1."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least confidence, for each answer in the order of MODALITIES, at which it is sure; below it the verdict abstains."""

    least: tuple[float, ...] = (CAUTIOUS,) * len(MODALITIES)

    def sure(self, chances: Floats) -> NDArray[np.bool_]:
        """For `chances` [n, 6]: whether the likeliest modality of each row reaches its threshold."""
        answers = chances.argmax(axis=1)
        confidence = chances[np.arange(len(chances)), answers]
        return np.asarray(confidence >= np.asarray(self.least, np.float32)[answers])

    @classmethod
    def of(cls, by_modality: Mapping[str, Any]) -> Thresholds:
        """From {modality: least confidence}; `all` gives those not named. Raises SettingsError for a name or value it cannot be."""
        if unknown := sorted(set(by_modality) - {"all", *MODALITIES}):
            raise SettingsError(f"thresholds name {', '.join(unknown)}; known are all, {', '.join(MODALITIES)}")
        given = [by_modality.get(modality, by_modality.get("all", CAUTIOUS)) for modality in MODALITIES]
        for value in given:
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise SettingsError(f"a threshold is a number from 0 to 1, not {value!r}")
        return cls(tuple(float(value) for value in given))


def read_thresholds(path: Path) -> Thresholds:
    """The user's own thresholds: a JSON object of modality (or `all`) to least confidence. Raises SettingsError."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"MEDLENS_THRESHOLDS: cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"MEDLENS_THRESHOLDS: {path} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise SettingsError(f'MEDLENS_THRESHOLDS: {path} must hold one object, such as {{"all": 0.9}}')
    return Thresholds.of(content)

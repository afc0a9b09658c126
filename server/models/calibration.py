"""From logits to calibrated probabilities, and the thresholds from which a verdict is sure.

Everything here is numpy on arrays [n, 6] in the order of MODALITIES; fitting the numbers is
server/training/ensemble/fit_ensemble.py.
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
from server.contract.modalities import MODALITIES, NON_MEDICAL

Floats: TypeAlias = NDArray[np.float32]

NON = MODALITIES.index(NON_MEDICAL)
HALF = 0.5  # P(medical) from which an image is called medical

# A lower log-probability of one member could not be outvoted by all others together.
LEAST_LOG_PROBABILITY = -12.0

# Used when no threshold was fitted for these members: high enough to abstain too often rather than too seldom.
CAUTIOUS = 0.9


def log_probabilities(logits: Floats, temperature: float = 1.0) -> Floats:
    """Log-softmax of `logits` [n, 6] divided by `temperature` (> 1 lowers confidence), floored at LEAST_LOG_PROBABILITY."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    logs = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    return np.asarray(np.maximum(logs, LEAST_LOG_PROBABILITY), np.float32)


def probabilities(logits: Floats, temperature: float = 1.0) -> Floats:
    """Softmax of `logits` [n, 6] divided by `temperature`; each row sums to 1."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def answers(chances: Floats) -> NDArray[np.int64]:
    """For each row of `chances` [n, 6] the number of its modality: the likeliest medical one where P(medical) reaches a half, else
    non_medical. The likeliest of all six would call an image of .4 non_medical, .3 CT and .3 MRI not medical, although P(medical)
    is .6.
    """
    medical = medical_chance(chances) >= HALF
    likeliest = np.where(np.arange(chances.shape[1]) == NON, -1.0, chances).argmax(axis=1)
    return np.asarray(np.where(medical, likeliest, NON), np.int64)


def medical_chance(chances: Floats) -> Floats:
    """P(medical) [n] = 1 - P(non_medical)."""
    return np.asarray(1 - chances[:, NON], np.float32)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least probabilities at which a verdict is sure: `medical` for "medical or not", `least` for the modality.

    `least` is in the order of MODALITIES; the value for non_medical is not used, since `medical` alone decides for "not medical".
    """

    least: tuple[float, ...] = (CAUTIOUS,) * len(MODALITIES)
    medical: float = CAUTIOUS

    def medical_sure(self, chances: Floats) -> NDArray[np.bool_]:
        """For `chances` [n, 6]: whether medical or not is sure, either way."""
        chance = medical_chance(chances)
        return np.asarray(np.maximum(chance, 1 - chance) >= np.float32(self.medical))

    def sure(self, chances: Floats) -> NDArray[np.bool_]:
        """For `chances` [n, 6]: whether the verdict is sure: medical or not, and the modality of a medical one."""
        named = answers(chances)
        enough = chances[np.arange(len(chances)), named] >= np.asarray(self.least, np.float32)[named]
        return np.asarray(self.medical_sure(chances) & (enough | (named == NON)))

    def as_json(self) -> dict[str, float]:
        """What `of` reads back."""
        least = {str(modality): round(value, 5) for modality, value in zip(MODALITIES, self.least, strict=True)}
        return {"medical": round(self.medical, 5), **least}

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Thresholds:
        """From {modality or "medical": least probability}; `all` gives those not named, and non_medical's stands for medical's.

        Raises SettingsError for an unknown name or a value outside 0..1.
        """
        if unknown := sorted(set(given) - {"all", "medical", *MODALITIES}):
            raise SettingsError(f"thresholds name {', '.join(unknown)}; known are all, medical, {', '.join(MODALITIES)}")
        fallback = given.get("all", CAUTIOUS)
        least = [given.get(modality, fallback) for modality in MODALITIES]
        medical = given.get("medical", given.get(NON_MEDICAL, fallback))
        for value in (*least, medical):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise SettingsError(f"a threshold is a number from 0 to 1, not {value!r}")
        return cls(tuple(float(value) for value in least), float(medical))


def read_thresholds(path: Path) -> Thresholds:
    """The user's own thresholds: a JSON object of modality (or `all`) to least confidence. Raises SettingsError."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"MEDLENS_THRESHOLDS: cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"MEDLENS_THRESHOLDS: {path} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise SettingsError(f'MEDLENS_THRESHOLDS: {path} must hold one object, such as {{"medical": 0.9, "all": 0.95}}')
    return Thresholds.of(content)

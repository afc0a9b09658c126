"""Combines the members' predictions by stacking their log-probabilities, for any subset of the members.

`ensemble.json` holds one fitted stack for each subset of the members: a multinomial logistic regression over their
log-probabilities with one weight a member, its temperature, and its thresholds (docs/decisions/one-weight-one-threshold.md says why
so few numbers). Other combinations are averaged with equal weights and get cautious thresholds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.contract.errors import ModelError, SettingsError
from server.contract.modalities import MODALITIES
from server.models.calibration import Floats, Thresholds, log_probabilities, probabilities

FILE_NAME = "ensemble.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction for n images: calibrated `chances` [n, 6], each member's own [n, 6], and which rows are sure.

    `medical_sure` [n]: "medical or not" is sure. `sure` [n]: the modality is sure as well.
    """

    chances: Floats
    members: Mapping[str, Floats]
    medical_sure: NDArray[np.bool_]
    sure: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Stack:
    """One fitted combination: logits are the log-probabilities of `members`, summed by `weights`, one a member.

    `bias` [6] is added to them after a refit from corrections (server/training/ensemble/refit.py); () means none.
    """

    members: tuple[str, ...]
    weights: tuple[float, ...]
    temperature: float = 1.0
    thresholds: Thresholds = field(default_factory=Thresholds)
    bias: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.weights) != len(self.members):
            raise ModelError(f"the stack of {', '.join(self.members)} has {len(self.weights)} weights; fit the ensemble again")
        if len(self.bias) not in (0, len(MODALITIES)):
            raise ModelError(f"the stack of {', '.join(self.members)} has a bias of {len(self.bias)}; fit the ensemble again")

    def chances(self, logs: Mapping[str, Floats]) -> Floats:
        """Calibrated probabilities [n, 6] from each member's log-probabilities [n, 6]."""
        weighted = [np.float32(weight) * logs[name] for name, weight in zip(self.members, self.weights, strict=True)]
        shifted = np.sum(weighted, axis=0) + np.asarray(self.bias or (0,), np.float32)
        return probabilities(shifted, self.temperature)


def even(members: Sequence[str]) -> Stack:
    """The stack for members without a fitted one: the mean of their log-probabilities."""
    return Stack(tuple(members), (1 / len(members),) * len(members))


@dataclass(frozen=True, slots=True)
class Ensemble:
    """All fitted stacks by their members, and each member's own temperature. Without stacks every member has the same weight."""

    temperatures: Mapping[str, float] = field(default_factory=dict)
    stacks: Mapping[frozenset[str], Stack] = field(default_factory=dict)
    thresholds: Thresholds | None = None  # the user's own, instead of the fitted ones

    def combine(self, logits: Mapping[str, Floats]) -> Prediction:
        """The Prediction on n images from each present member's logits [n, 6]; ModelError without any member."""
        if not logits:
            raise ModelError("no ensemble member gave an answer")
        temperature = {name: self.temperatures.get(name, 1.0) for name in logits}
        stack = self.stacks.get(frozenset(logits)) or even(sorted(logits))
        chances = stack.chances({name: log_probabilities(logits[name], temperature[name]) for name in logits})
        own = {name: probabilities(logits[name], temperature[name]) for name in logits}
        return self._settled(chances, own, stack)

    def settled(self, chances: Floats, prediction: Prediction) -> Prediction:
        """`prediction` with other chances [n, 6], and what is sure computed again."""
        stack = self.stacks.get(frozenset(prediction.members)) or even(sorted(prediction.members))
        return self._settled(chances, prediction.members, stack)

    def _settled(self, chances: Floats, members: Mapping[str, Floats], stack: Stack) -> Prediction:
        thresholds = self.thresholds or stack.thresholds
        return Prediction(chances, members, thresholds.medical_sure(chances), thresholds.sure(chances))


def read_ensemble(path: Path, thresholds: Thresholds | None = None) -> Ensemble:
    """The fitted ensemble of `path`; an empty one when there is none yet. Raises ModelError when the file is not one of ours."""
    if not path.is_file():
        return Ensemble(thresholds=thresholds)
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        if content["format"] != FORMAT or tuple(content["modalities"]) != MODALITIES:
            raise ModelError(f"{path} was written for other modalities or by another version; fit the ensemble again")
        stacks = [_stack(one) for one in content["stacks"]]
        return Ensemble(
            temperatures={name: float(value) for name, value in content["temperatures"].items()},
            stacks={frozenset(stack.members): stack for stack in stacks},
            thresholds=thresholds,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SettingsError) as error:
        raise ModelError(f"{path} is not an ensemble file: {error}; fit the ensemble again") from None


def _stack(one: Mapping[str, Any]) -> Stack:
    return Stack(
        members=tuple(one["members"]),
        weights=tuple(float(weight) for weight in one["weights"]),
        temperature=float(one["temperature"]),
        thresholds=Thresholds.of(one["thresholds"]),
        bias=tuple(float(value) for value in one.get("bias", ())),
    )

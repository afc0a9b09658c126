"""Fits the numbers of an ensemble: a temperature, a stack of members, and the thresholds from which a verdict is sure.

Rows are images that no member was trained on. fit_ensemble.py makes the folds and writes the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from server.contract.modalities import MODALITIES
from server.models.calibration import HALF, NON, Floats, Thresholds, answers, log_probabilities, medical_chance, probabilities
from server.models.ensemble import Stack

Ints = NDArray[np.int64]
Wide = NDArray[np.float64]

# Temperatures beyond these mean that the logits say nothing, or that the sample is too small to tell.
TEMPERATURES = (0.2, 10.0)
# A larger weight sharpens more than any member deserves; a negative one would invert a member.
WEIGHTS = (0.0, 5.0)
# How far fitted weights go back to equal ones. Fitted, the best member drowns the others, and on other folds its company is worth
# more than that: docs/decisions/one-weight-one-threshold.md.
TO_EQUAL = 0.5
# Share of answers given as sure that must be right on the images the thresholds are chosen on, which is what is promised of origins
# never trained on: docs/decisions/threshold-of-certainty.md says what it costs and what is left of it on the fold not seen.
SURE_ACCURACY = 0.995
# No answer below this is called sure, however well the members did on the images at hand.
LEAST_SURE = 0.5
NEVER = 1.0
# "Medical or not" and the modality: below these, less than 99 % of the sure answers were right about kinds of images that had been
# held out whole from the training of the CNN's head (docs/decisions/threshold-of-certainty.md).
KIND_FLOORS = (0.97, 0.985)


def fit_temperature(logits: Floats, labels: Ints, weights: Wide | None = None) -> float:
    """The temperature of least cross-entropy of `logits` [n, 6] on `labels` [n]."""
    shares = _shares(labels, weights)

    def loss(log_temperature: float) -> float:
        logs = log_probabilities(logits, float(np.exp(log_temperature)))
        return float(-(logs[np.arange(len(labels)), labels] * shares).sum())

    low, high = (float(np.log(limit)) for limit in TEMPERATURES)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


def fit_stack(logs: Mapping[str, Floats], labels: Ints, weights: Wide | None = None) -> Stack:
    """Multinomial logistic regression over the members' log-probabilities [n, 6], one weight a member (alone: a temperature).

    The fitted weights are moved towards their mean by TO_EQUAL. Weights for each pair of classes, or a bias, win on the folds they
    were fitted on and lose on the next: docs/decisions.
    """
    members = tuple(sorted(logs))
    columns = np.stack([logs[name] for name in members]).astype(np.float64)  # [k, n, 6]
    shares, rows = _shares(labels, weights), np.arange(len(labels))

    def loss(by_member: Wide) -> tuple[float, Wide]:
        chances = probabilities(np.asarray(np.tensordot(by_member, columns, 1), np.float32)).astype(np.float64)
        surprise = -(np.log(np.maximum(chances[rows, labels], 1e-12)) * shares).sum()
        chances[rows, labels] -= 1
        return float(surprise), np.einsum("kno,no->k", columns, chances * shares[:, None])

    start = np.full(len(members), 1 / len(members))
    found: Any = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[WEIGHTS] * len(members))
    return Stack(members, tuple(float(weight) for weight in found.x + TO_EQUAL * (found.x.mean() - found.x)))


def fit_thresholds(
    chances: Floats, labels: Ints, accuracy: float = SURE_ACCURACY, floors: tuple[float, float] = (LEAST_SURE, LEAST_SURE)
) -> Thresholds:
    """The least probabilities at which "medical or not" is right `accuracy` of the time, and, where that is sure, the verdict.

    "Not medical" reaches `accuracy` by itself too, since no modality follows it. Neither is below its floor: (medical, modality). A
    threshold for each class keeps more answers on the images it was chosen on, and is far less accurate on other origins.
    """
    chance, is_medical = medical_chance(chances), labels != NON
    confidence, right, other = np.maximum(chance, 1 - chance), (chance >= HALF) == is_medical, chance < HALF
    medical = max(floors[0], _least(confidence, right, accuracy), _least(confidence[other], right[other], accuracy))
    sure = Thresholds(medical=medical).medical_sure(chances)
    named = answers(chances)
    confidence = np.where(named == NON, 1.0, chances[np.arange(len(chances)), named])  # "not medical" is sure by that alone
    modality = max(floors[1], _least(confidence[sure], named[sure] == labels[sure], accuracy)) if sure.any() else NEVER
    return Thresholds((modality,) * len(MODALITIES), medical)


def _least(confidence: Floats, right: NDArray[np.bool_], accuracy: float) -> float:
    """The least confidence from which verdicts are right `accuracy` of the time; NEVER where there is none."""
    order = np.argsort(-confidence, kind="stable")
    enough = np.cumsum(right[order]) >= accuracy * np.arange(1, len(order) + 1)
    kept = np.flatnonzero(enough & (confidence[order] >= LEAST_SURE))
    if not len(kept):
        return NEVER if len(order) else LEAST_SURE
    ranked, last = confidence[order], int(kept[-1])
    below = float(ranked[last + 1]) if last + 1 < len(ranked) else LEAST_SURE
    return max(LEAST_SURE, (float(ranked[last]) + below) / 2)


def _shares(labels: Ints, weights: Wide | None) -> Wide:
    given = np.ones(len(labels)) if weights is None else weights
    return np.asarray(given / given.sum(), np.float64)


def origin_weights(origins: Sequence[str] | NDArray[np.str_], labels: Ints) -> Wide:
    """[n] weights: each origin counts by the root of its size, each class by its size, so that no single origin dominates."""
    names, inverse, counts = np.unique(np.asarray(origins), return_inverse=True, return_counts=True)
    del names
    weights = 1 / np.sqrt(counts[inverse].astype(np.float64))
    for label in np.unique(labels):
        chosen = labels == label
        weights[chosen] *= chosen.sum() / weights[chosen].sum()
    return weights

"""Refit an ensemble's head from people's corrections: `medlens train ensemble --feedback`. Arrays in, a stack out.

The head is one weight a member and one bias a modality; the members' predictions for corrected images are
stored with their verdicts, so no image is opened. Corrections are few and not typical (people correct what is wrong), so the fit
also keeps the head's output on the 12,905 shipped out-of-fold predictions; held-back corrections choose the balance. A head that is
worse than the one in use on the labels of the shipped predictions, or no better on held-back corrections, is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from server.contract.errors import ModelError, RequestError
from server.contract.modalities import MODALITIES
from server.models.calibration import LEAST_LOG_PROBABILITY, Floats, Thresholds, log_probabilities
from server.models.ensemble import Ensemble, Stack
from server.training.ensemble.fit_ensemble import LEAST, FoldPredictions
from server.training.ensemble.stacking import KIND_FLOORS, SURE_ACCURACY, WEIGHTS, Ints, Wide, fit_thresholds, origin_weights
from server.training.metrics import figures

LEAST_CORRECTIONS = 10  # fewer cannot be both fitted on and held back
HELD_BACK = 5  # folds of the corrections; each is measured with a head fitted on the others
STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0)  # how many shipped answers one correction weighs
BIASES = (-3.0, 3.0)  # a modality may become 20 times as likely, not more: beyond that it would be answered whatever is shown
# One standard error of an accuracy of .91 on 12,905 images; worse than that is worse, not chance.
WORSE = 0.0025
ONE_BY_CHANCE = 1.5  # corrections: a single one more that is right may lie near a half, where any temperature turns it
WORSE_WHEN_SURE = 0.001
BETTER = 0.98  # times as surprised by corrections, where it is right about no more of them; less is not worth a new version
WORSE_LOG_LOSS = 1.01  # times as surprised by the shipped answers
ABSTAINS_MORE = 0.05  # share of the shipped answers; more, and people stop reading the question marks


@dataclass(frozen=True, slots=True)
class Corrected:
    """Each member's calibrated prediction [n, 6] for n corrected images, and the people's labels [n]."""

    members: Mapping[str, Floats]
    labels: Ints

    def logs(self) -> dict[str, Floats]:
        """The log-probabilities that the ensemble combines."""
        least = np.exp(LEAST_LOG_PROBABILITY)
        return {name: np.log(np.maximum(rows, least)).astype(np.float32) for name, rows in self.members.items()}


@dataclass(frozen=True, slots=True)
class Result:
    """A refit, and how it does.

    `before` and `after` are the blocks of metrics.figures on the shipped predictions; the other two are on the corrections: by the
    shipped ensemble, and by heads fitted on the other corrections.
    """

    stack: Stack
    strength: float
    before: dict[str, Any]
    after: dict[str, Any]
    corrections_before: dict[str, Any]
    corrections_after: dict[str, Any]

    @property
    def refusal(self) -> str | None:
        """Why this refit is not to be used; None when it is better."""
        for name, most in (("accuracy", WORSE), ("balanced_accuracy", WORSE), ("accuracy_when_sure", WORSE_WHEN_SURE)):
            now, then = self.before[name] or 0.0, self.after[name] or 0.0
            if then < now - most:
                return f"{name.replace('_', ' ')} on the validation data would fall from {now:.4f} to {then:.4f}"
        taught, untaught = self.corrections_after, self.corrections_before
        more_often = (taught["accuracy"] - untaught["accuracy"]) * taught["n"] > ONE_BY_CHANCE
        least = 1 if more_often else BETTER
        less_fitting = self.after["log_loss"] / self.before["log_loss"]
        reasons = {
            "its probabilities would fit the validation data worse": less_fitting > WORSE_LOG_LOSS,
            f"it would abstain on {self.after['abstained']:.1%} of the validation data": self.after["abstained"]
            > self.before["abstained"] + ABSTAINS_MORE,
            "it would be right less often on corrections that it was not taught": taught["accuracy"] < untaught["accuracy"],
            "it would do no better on corrections that it was not taught": taught["log_loss"] >= untaught["log_loss"] * least,
            "it would only be less sure: right no more often on corrections, and less often on the validation data": (
                not more_often
                and (less_fitting > 1 or any(self.after[name] < self.before[name] for name in ("accuracy", "balanced_accuracy")))
            ),
        }
        return next((reason for reason, holds in reasons.items() if holds), None)


def refit(validation: FoldPredictions, corrected: Corrected, shipped: Ensemble, in_use: Ensemble) -> Result:
    """The best head over the strengths; `result.refusal` says whether it may be used. Raises RequestError for too few corrections.

    `shipped` gives the members' temperatures, which stay, and what the corrections are compared with.
    """
    names = tuple(sorted(corrected.members))
    if len(corrected.labels) < LEAST_CORRECTIONS:
        raise RequestError(
            f"{len(corrected.labels)} corrections of images that these members judged; {LEAST_CORRECTIONS} are needed to learn from"
        )
    if missing := set(names) - set(validation.logits):
        raise ModelError(
            f"the validation data holds no answers of {', '.join(sorted(missing))}; `medlens train ensemble` writes them"
        )
    known = {name: log_probabilities(validation.logits[name], shipped.temperatures.get(name, 1.0)) for name in names}
    start, now = _stack_of(shipped, names), _stack_of(in_use, names)
    task = _Task(validation, known, corrected.logs(), corrected.labels, start, start.chances(known))
    before = _figures(now.chances(known), validation.labels, now.thresholds)
    promised = max(SURE_ACCURACY, before["accuracy_when_sure"] or 0.0)
    untaught = _short(start.chances(task.corrected), task.labels)
    results = []
    for strength in STRENGTHS:
        stack, after, held_back = _try(task, strength, promised)
        results.append(Result(stack, strength, before, after, untaught, _short(held_back, task.labels)))
    return min(results, key=lambda one: (one.refusal is not None, one.corrections_after["log_loss"]))


@dataclass(frozen=True, slots=True)
class _Task:
    """Log-probabilities by member, of the shipped predictions and of the corrected images; the initial head, and its chances."""

    validation: FoldPredictions
    known: Mapping[str, Floats]
    corrected: Mapping[str, Floats]
    labels: Ints
    start: Stack
    start_chances: Floats


def _try(task: _Task, strength: float, promised: float) -> tuple[Stack, dict[str, Any], Floats]:
    """The head for this strength, its figures on the shipped predictions, and its chances for held-back corrections.

    `promised`: the share of sure verdicts that must be right; the thresholds keep it, and abstain more if necessary.
    """
    held_back = np.zeros((len(task.labels), len(MODALITIES)), np.float32)
    parts = np.arange(len(task.labels)) % HELD_BACK
    for part in range(HELD_BACK):
        here = parts == part
        held_back[here] = _fit(task, ~here, strength).chances({name: rows[here] for name, rows in task.corrected.items()})
    stack = _fit(task, parts >= 0, strength)
    chances, labels = stack.chances(task.known), task.validation.labels
    thresholds = fit_thresholds(np.concatenate([chances, held_back]), np.concatenate([labels, task.labels]), promised, KIND_FLOORS)
    return replace(stack, thresholds=thresholds), _figures(chances, labels, thresholds), held_back


def _fit(task: _Task, taught: Any, strength: float) -> Stack:
    """The head of least cross-entropy on the corrections' labels and on the initial head's chances for the shipped predictions.

    The target of the shipped predictions is not their labels: biases fitted on labels win on their own folds and lose on the next
    (docs/decisions/one-weight-one-threshold.md).
    """
    names = task.start.members
    columns = np.stack([np.concatenate([task.known[name], task.corrected[name][taught]]) for name in names]).astype(np.float64)
    wanted = np.concatenate([task.start_chances, np.eye(len(MODALITIES))[task.labels[taught]]])  # [n, 6]
    shares = np.concatenate([origin_weights(task.validation.origins, task.validation.labels), np.full(int(taught.sum()), strength)])
    shares /= shares.sum()
    members = len(names)

    def loss(numbers: Wide) -> tuple[float, Wide]:
        bias = numbers[members:]
        logits = np.tensordot(numbers[:members], columns, 1) + bias
        logs = log_softmax(logits, axis=1)
        pull = (np.exp(logs) - wanted) * shares[:, None]
        slope = np.concatenate([np.einsum("kno,no->k", columns, pull), pull.sum(axis=0)])
        return float(-((wanted * logs).sum(axis=1) * shares).sum()), slope

    first = np.concatenate([task.start.weights, np.zeros(len(MODALITIES))])
    bounds = [WEIGHTS] * members + [BIASES] * len(MODALITIES)
    found: Any = minimize(loss, first, jac=True, method="L-BFGS-B", bounds=bounds)
    return Stack(names, tuple(map(float, found.x[:members])), bias=tuple(map(float, found.x[members:])))


def _stack_of(ensemble: Ensemble, names: Sequence[str]) -> Stack:
    if (stack := ensemble.stacks.get(frozenset(names))) is None:
        raise ModelError(f"the shipped ensemble was not fitted for {', '.join(names)}; `medlens train ensemble` fits it")
    order = [stack.members.index(name) for name in names]
    weights = tuple(stack.weights[i] / stack.temperature for i in order)  # a temperature is a weight on everything
    return Stack(tuple(names), weights, 1.0, stack.thresholds, tuple(value / stack.temperature for value in stack.bias))


def _figures(chances: Floats, labels: Ints, thresholds: Thresholds) -> dict[str, Any]:
    return figures(chances, labels, ~thresholds.sure(chances)) | {"log_loss": _short(chances, labels)["log_loss"]}


def _short(chances: Floats, labels: Ints) -> dict[str, Any]:
    loss = -np.log(np.maximum(chances[np.arange(len(labels)), labels], LEAST))
    return {"n": len(labels), "accuracy": float((chances.argmax(1) == labels).mean()), "log_loss": float(loss.mean())}


def written(stack: Stack) -> dict[str, Any]:
    """A stack as ensemble.json holds it."""
    thresholds: Thresholds = stack.thresholds
    return {
        "members": list(stack.members),
        "weights": [round(weight, 5) for weight in stack.weights],
        "bias": [round(value, 5) for value in stack.bias],
        "temperature": round(stack.temperature, 4),
        "thresholds": thresholds.as_json(),
    }

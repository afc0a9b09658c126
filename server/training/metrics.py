"""The figures of the contract's `medlens evaluate`, from probabilities and labels, with bootstrap intervals over whole origins.

Probabilities are float [n, 6] in the order of MODALITIES and sum to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, roc_auc_score

from server.contract.modalities import MODALITIES, NON_MEDICAL

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
NON = MODALITIES.index(NON_MEDICAL)
FIVE = ("mri", "xray", "ct", "ultrasound", "non_medical")  # the origin's classes
BINS = 15  # of equal width, as calibration papers have it
RESAMPLES = 400  # bootstrap draws; the ends of a 95 % interval then move by about a tenth of its width
RECALL_ASKED = (0.95, 0.99)


def auroc(positive: NDArray[np.bool_], score: Floats) -> float | None:
    """Area under the ROC curve; None when all or none are positive."""
    if positive.all() or not positive.any():
        return None
    return float(roc_auc_score(positive, score))


def fpr_at_recall(positive: NDArray[np.bool_], score: Floats, recall: float) -> float | None:
    """Share of negatives at or above the threshold that finds `recall` of the positives."""
    if not positive.any() or positive.all():
        return None
    threshold = np.sort(score[positive])[int(np.floor((1 - recall) * positive.sum()))]
    return float((score[~positive] >= threshold).mean())


def expected_calibration_error(confidence: Floats, right: NDArray[np.bool_]) -> float:
    """Mean gap between confidence and accuracy, over bins of confidence weighted by their size."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gap = 0.0
    for i in np.unique(bins):
        chosen = bins == i
        gap += chosen.mean() * abs(float(confidence[chosen].mean()) - float(right[chosen].mean()))
    return float(gap)


def rates(truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> dict[str, float]:
    """Precision, recall and F1 of a yes-or-no prediction; 0 where they are undefined."""
    both, there, called = float((truth & predicted).sum()), float(truth.sum()), float(predicted.sum())
    precision, recall = both / called if called else 0.0, both / there if there else 0.0
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / (precision + recall) if both else 0.0}


def answered(probabilities: Floats) -> Ints:
    """[n] the verdict's modality: the likeliest medical modality where those together reach a half, else non_medical."""
    return np.where(probabilities[:, NON] <= 0.5, probabilities[:, :NON].argmax(1), NON)


def figures(probabilities: Floats, labels: Ints, uncertain: NDArray[np.bool_] | None = None) -> dict[str, Any]:
    """The contract's block for one model or ensemble. Classes without an image are left out of balanced accuracy and macro F1.

    `medical` is decided by the summed probability of the five medical modalities against one half, as the verdict is.
    """
    predicted = answered(probabilities)
    right = predicted == labels
    per_class = {
        name: {**rates(labels == i, predicted == i), "n": int((labels == i).sum())}
        for i, name in enumerate(MODALITIES)
        if (labels == i).any()
    }
    medical, score = labels != NON, 1 - probabilities[:, NON]
    five = np.isin(labels, [MODALITIES.index(name) for name in FIVE])
    block: dict[str, Any] = {
        "n": len(labels),
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(np.mean([row["recall"] for row in per_class.values()])),
        "macro_f1": float(np.mean([row["f1"] for row in per_class.values()])),
        "per_class": per_class,
        "medical": {
            "auroc": auroc(medical, score),
            **rates(medical, predicted != NON),
            **{f"fpr_at_{round(r * 100)}_recall": fpr_at_recall(medical, score, r) for r in RECALL_ASKED},
        },
        "five_class": five_class(probabilities[five], labels[five]),
        "ece": expected_calibration_error(probabilities[np.arange(len(predicted)), predicted], right),
    }
    if uncertain is not None:
        block["abstained"] = float(uncertain.mean())
        block["accuracy_when_sure"] = float(right[~uncertain].mean()) if (~uncertain).any() else None
    return block


def five_class(probabilities: Floats, labels: Ints) -> dict[str, Any]:
    """The five-class task: without other_medical images and without that class."""
    if not len(labels):
        return {"accuracy": None, "n": 0}
    columns = [MODALITIES.index(name) for name in FIVE]
    predicted = np.array(columns)[probabilities[:, columns].argmax(1)]
    return {"accuracy": float((predicted == labels).mean()), "n": len(labels)}


def confusion(probabilities: Floats, labels: Ints) -> Ints:
    """[6, 6] counts: row is the truth, column the likeliest modality."""
    return np.asarray(confusion_matrix(labels, probabilities.argmax(1), labels=range(len(MODALITIES))), np.int64)


def per_origin(probabilities: Floats, labels: Ints, origins: Sequence[str], least: int = 20) -> list[dict[str, Any]]:
    """Accuracy of each (origin, label) with at least `least` images, worst first."""
    names, predicted = np.array(origins), probabilities.argmax(1)
    out = []
    for origin in sorted(set(origins)):
        for i, label in enumerate(MODALITIES):
            chosen = (names == origin) & (labels == i)
            if chosen.sum() >= least:
                right, medical = (predicted[chosen] == i).mean(), ((predicted[chosen] != NON) == (i != NON)).mean()
                out.append(
                    {"origin": origin, "label": label, "n": int(chosen.sum()), "accuracy": float(right), "medical": float(medical)}
                )
    return sorted(out, key=lambda line: line["accuracy"])


def interval(
    measure: Callable[[Ints], float | None], units: Sequence[str], resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float] | None:
    """95 % bootstrap interval: whole origins are drawn with replacement, `measure` gets the row numbers drawn.

    None when fewer than half the draws can be measured.
    """
    rng, names = np.random.default_rng(seed), np.array(units)
    members = [np.flatnonzero(names == name) for name in np.unique(names)]
    values = []
    for _ in range(resamples):
        drawn = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        if (value := measure(drawn)) is not None:
            values.append(value)
    if len(values) < resamples / 2:
        return None
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)

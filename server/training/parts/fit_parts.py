"""Fits the part reader (models/parts.py): the gate, the cells' head, and the weights of both passes. Part of `medlens train cnn`.

Every figure it reports is cross-fitted over folds of whole origins. Minutes on two cores, most of them for the larger pass.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from server.contract.modalities import MODALITIES
from server.models.calibration import probabilities
from server.models.checkpoint import READABLE
from server.models.layout import DEEP
from server.models.parts import CARD, FORMAT, NON, TENSORS, evidence
from server.training.cnn.head import Heads, fit_heads
from server.training.data.folds import FOLDS
from server.training.metrics import auroc, fpr_at_recall
from server.training.parts.figures import BARE, FIGURE, UNLABELLED, FigureFeatures

NON_CELLS = 0.5  # of the weight of all cells are those without a medical part; the other five classes share the rest
GATE_RECALL = 0.997  # of the composed figures with a medical part that the gate must let through
NAMED_FROM = 0.6  # probability of a modality in a cell from which the figure is said to contain it
FUSE_RIDGE = 1e-3
ITERATIONS = 45
MOST_CELLS = 60_000  # fitted on; neighbouring cells are alike, and more do not fit into a small machine's memory

Floats = NDArray[np.float32]
Say = Callable[[str], None]


def fit_parts(
    composed: FigureFeatures, whole: Floats, out: Path, backbone: str, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Fit on `composed`, with the chances `whole` [n, 6] of the ordinary pass (by heads not fitted on their origins); write `out`.

    The figures: AUROC, recall of figures with medical parts, false alarms on those without, what the gate lets through.
    """
    masks = [composed.folds != fold for fold in range(FOLDS)] + [np.ones(len(composed.folds), np.bool_)]
    cells, gates = _fit_cells(composed, masks, progress), _fit_gates(composed, masks, progress)
    medical = np.asarray(composed.shown.any(1), np.bool_)
    evidences, opened = np.zeros((len(medical), 3), np.float32), np.zeros(len(medical), np.float32)
    for i, (start, end) in enumerate(zip(composed.starts[:-1], composed.starts[1:], strict=True)):
        fold = int(composed.folds[i])
        chances = probabilities(cells.logits(np.asarray(composed.cells[start:end], np.float32), fold))
        evidences[i] = evidence(chances, whole[i])
        logit = gates.logits(np.asarray(composed.features[i : i + 1], np.float32), fold)[0]
        opened[i] = 1 / (1 + np.exp(logit[0] - logit[1]))
    crossed = np.zeros(len(medical), np.float32)
    weights = _even(medical, composed.sorts)
    for fold in range(FOLDS):
        here = composed.folds == fold
        crossed[here] = evidences[here] @ _logistic(evidences[~here], medical[~here], weights[~here])
    weigh = _logistic(evidences, medical, weights)
    compound = composed.sorts == FIGURE
    open_from = float(np.quantile(opened[compound], 1 - GATE_RECALL))
    last = len(masks) - 1
    tensors = (
        gates.weight[last][1] - gates.weight[last][0], (gates.bias[last][1:] - gates.bias[last][:1]), cells.weight[last],
        cells.bias[last], weigh,
    )  # fmt: skip
    figures = _figures(crossed, evidences, opened >= open_from, medical, composed.sorts)
    card = {
        "format": FORMAT, "classes": MODALITIES, "backbone": backbone, "open_from": open_from, "named_from": NAMED_FROM,
        "created": datetime.now(UTC).isoformat(timespec="seconds"), "figures": figures,
    }  # fmt: skip
    part = out.with_suffix(".part")
    arrays = {
        name: np.ascontiguousarray(value, np.float32 if value.size < 8 else np.float16)
        for name, value in zip(TENSORS, tensors, strict=True)
    }
    save_file(arrays, part, metadata={CARD: json.dumps(card)})
    part.chmod(READABLE)
    part.replace(out)
    return figures


def _fit_cells(composed: FigureFeatures, masks: list[NDArray[np.bool_]], progress: Callable[[int, int], None] | None) -> Heads:
    chosen = np.flatnonzero(composed.labels != UNLABELLED)
    if len(chosen) > MOST_CELLS:
        chosen = np.sort(np.random.default_rng(0).choice(chosen, MOST_CELLS, replace=False))
    labels, figure = composed.labels[chosen], composed.of_figure[chosen]
    columns = []
    for mask in masks:
        use = mask[figure].astype(np.float64)
        for label in range(len(MODALITIES)):
            here = labels == label
            use[here] *= (NON_CELLS if label == NON else (1 - NON_CELLS) / NON) / max(use[here].sum(), 1.0)
        columns.append(use / use.sum())
    return fit_heads(
        composed.cells[chosen], labels, np.stack(columns, 1), len(MODALITIES), DEEP, iterations=ITERATIONS, progress=progress
    )


def _fit_gates(composed: FigureFeatures, masks: list[NDArray[np.bool_]], progress: Callable[[int, int], None] | None) -> Heads:
    compound = (composed.sorts == FIGURE).astype(np.int64)
    columns = [_even(compound == 1, composed.sorts) * mask for mask in masks]
    weights = np.stack([column / column.sum() for column in columns], 1)
    return fit_heads(composed.features, compound, weights, 2, DEEP, iterations=ITERATIONS, progress=progress)


def _even(positive: NDArray[np.bool_], sorts: NDArray[np.int64]) -> NDArray[np.float64]:
    """[n], sums to 1: both classes have equal weight, and so have the sorts of images in each."""
    weights = np.zeros(len(positive))
    for answer in (True, False):
        kinds = np.unique(sorts[positive == answer])
        for kind in kinds:
            here = (positive == answer) & (sorts == kind)
            weights[here] = 0.5 / len(kinds) / here.sum()
    return np.asarray(weights / weights.sum())


def _logistic(columns: Floats, positive: NDArray[np.bool_], weights: NDArray[np.float64]) -> Floats:
    """Weights [c] of a logistic regression by Newton's steps; the first column is all ones."""
    found = np.zeros(columns.shape[1])
    wide, shares = columns.astype(np.float64), weights / weights.sum()
    for _ in range(30):
        chances = 1 / (1 + np.exp(-(wide @ found)))
        slope = wide.T @ (shares * (chances - positive)) + FUSE_RIDGE * found
        curve = (wide * (shares * chances * (1 - chances))[:, None]).T @ wide + FUSE_RIDGE * np.eye(len(found))
        found -= np.linalg.solve(curve, slope)
    return found.astype(np.float32)


def _figures(
    crossed: Floats, evidences: Floats, opened: NDArray[np.bool_], medical: NDArray[np.bool_], sorts: NDArray[np.int64]
) -> dict[str, Any]:
    figure, plain = sorts < BARE, sorts >= BARE
    answered = np.where(opened, crossed > 0, evidences[:, 1] > 0)
    return {
        "n": len(medical),
        "auroc_figures": auroc(medical[figure], crossed[figure]),
        "auroc_figures_whole_alone": auroc(medical[figure], evidences[figure, 1]),
        "false_alarms_at_95_recall": fpr_at_recall(medical[figure], crossed[figure], 0.95),
        "recall_figures": float(answered[figure & medical].mean()),
        "recall_figures_whole_alone": float((evidences[figure & medical, 1] > 0).mean()),
        "false_alarms_figures": float(answered[figure & ~medical].mean()),
        "false_alarms_figures_whole_alone": float((evidences[figure & ~medical, 1] > 0).mean()),
        "gate_opens": {name: float(opened[chosen].mean()) for name, chosen in (
            ("figures with medical parts", figure & medical), ("figures without", figure & ~medical),
            ("bare medical", plain & medical), ("bare others", plain & ~medical),
        )},
    }  # fmt: skip

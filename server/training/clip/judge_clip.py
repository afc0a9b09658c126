"""Measures the compact CLIP on held-out origins: zero-shot by its prompts, and retrieval by texts that were not in training."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.contract.modalities import MODALITIES
from server.models.calibration import probabilities
from server.training.data.dataset import Row
from server.training.metrics import auroc, figures

Floats = NDArray[np.float32]
FIRST = 20  # images counted of each ranking, as on a first page of results
LEAST_RELEVANT = 5  # held-back images that fit a query; with fewer its precision is noise


@dataclass(frozen=True, slots=True)
class Query:
    """A text, and the patterns that matching images must fit; empty fields match all."""

    text: str
    label: str = ""
    kind: str = ""
    origin: str = ""
    path: str = ""

    def fits(self, row: Row) -> bool:
        if self.label and row.label != self.label:
            return False
        searched = ((self.kind, row.kind), (self.origin, row.origin), (self.path, row.path))
        return all(re.search(pattern, value, re.IGNORECASE) for pattern, value in searched if pattern)


def queries() -> list[Query]:
    given = tomllib.loads(Path(__file__).with_name("clip_queries.toml").read_text(encoding="utf-8"))
    return [Query(**one) for one in given["query"]]


def zero_shot_figures(logits: Floats, rows: Sequence[Row]) -> dict[str, Any]:
    """The contract's figures of logits [n, 6]."""
    labels = np.array([MODALITIES.index(row.label) for row in rows])
    return dict(figures(probabilities(logits), labels))


def retrieval(similar: Floats, asked: Sequence[Query], rows: Sequence[Row], fold: NDArray[np.int64]) -> list[dict[str, Any]]:
    """For each query its precision among the FIRST nearest, against chance (the share that fits), and its AUROC.

    `similar` [n, queries]: cosine of each held-back image with each query. Images are ranked among those of their own fold,
    since each fold has a space of its own; folds with LEAST_RELEVANT fitting images count, by how many fit.
    """
    out = []
    for column, query in enumerate(asked):
        fits = np.array([query.fits(row) for row in rows])
        parts = []
        for k in np.unique(fold):
            mine = np.flatnonzero(fold == k)
            area = auroc(fits[mine], similar[mine, column])
            if (count := int(fits[mine].sum())) >= LEAST_RELEVANT and area is not None:
                hits = fits[mine][np.argsort(-similar[mine, column], kind="stable")]
                parts.append((count, float(hits[: min(FIRST, count)].mean()), count / len(mine), area))
        if parts:
            weights = [part[0] for part in parts]
            precision, chance, area = (float(np.average([part[i] for part in parts], weights=weights)) for i in (1, 2, 3))
            out.append({"query": query.text, "relevant": sum(weights), "chance": chance, "precision": precision, "auroc": area})
    return out


def summary(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over the queries, and those that fail: fewer than half of the first page right. None where no query was measured."""

    def mean(name: str) -> float | None:
        return round(float(np.mean([one[name] for one in answers])), 4) if answers else None

    return {
        "queries": len(answers),
        **{name: mean(name) for name in ("precision", "chance", "auroc")},
        "failing": [f"{one['query']} ({one['precision']:.2f})" for one in answers if one["precision"] < 0.5],
    }

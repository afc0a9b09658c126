"""Fits the weights of the text model (server/context/text_model.py) from the sentences of context_sentences.toml, in a second.

    .venv/bin/python -m server.training.context.fit_context          # writes server/context/weights.json
    .venv/bin/python -m server.training.context.fit_context --check  # five folds, nothing written

Seven numbers: one for each of text_model.STATED and SILENCING, one for silence. Maximum likelihood with a penalty on their squares;
the same file every time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from server.context.statements import statements_of
from server.context.text_model import FILE, SILENCING, STATED, Weights, features
from server.contract.modalities import MEDICAL

SENTENCES = Path(__file__).parent / "context_sentences.toml"
SILENT = "none"
LABELS = (*MEDICAL, SILENT)
# Of the mean of squares, beside the mean loss over some 360 sentences: keeps a list that is never wrong here from being certain.
# Less reads the sentences of other folds a little better still, but all of them are by one hand.
PENALTY = 0.001
FOLDS = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sentences:
    """`stated` [n, 5, 3] and `other` [n, 3] as text_model.features, `labels` [n] as indices of LABELS."""

    texts: tuple[str, ...]
    stated: Floats
    other: Floats
    labels: NDArray[np.int64]

    def of(self, rows: NDArray[np.bool_]) -> Sentences:
        texts = tuple(text for text, kept in zip(self.texts, rows, strict=True) if kept)
        return Sentences(texts, self.stated[rows], self.other[rows], self.labels[rows])


def load_sentences(path: Path = SENTENCES) -> Sentences:
    """All sentences with their features; one without a capital letter is read as the name of a file."""
    content = tomllib.loads(path.read_text("utf-8"))
    pairs = [(text, LABELS.index(label)) for label in LABELS for text in content[label]]
    read = [features(statements_of(text, file_name=text.islower())) for text, _ in pairs]
    stated, other = np.array([one for one, _ in read]), np.array([one for _, one in read])
    return Sentences(tuple(text for text, _ in pairs), stated, other, np.array([label for _, label in pairs]))


def log_chances(numbers: Floats, sentences: Sentences) -> Floats:
    """Log-probabilities [n, 6] of LABELS. `numbers`: those of STATED, of SILENCING, of silence."""
    lists, rest = numbers[: len(STATED)], numbers[len(STATED) :]
    silent = rest[-1] + sentences.other @ rest[:-1]
    return np.asarray(log_softmax(np.column_stack([sentences.stated @ lists, silent]), axis=1))


def fit(sentences: Sentences) -> Floats:
    """The numbers that make the labels likeliest, within the penalty."""

    def loss(numbers: Floats) -> float:
        chances = log_chances(numbers, sentences)[np.arange(len(sentences.labels)), sentences.labels]
        return float(-chances.mean() + PENALTY * (numbers**2).mean())

    return np.asarray(minimize(loss, np.ones(len(STATED) + len(SILENCING) + 1), method="BFGS").x)


def weights_of(numbers: Floats) -> Weights:
    names: Sequence[str] = (*STATED, *SILENCING)
    return Weights(
        {name: round(float(value), 3) for name, value in zip(names, numbers[:-1], strict=True)}, round(float(numbers[-1]), 3)
    )


def folds(sentences: Sentences) -> list[tuple[str, str, str, float]]:
    """Each sentence with the prediction of weights fitted on the other folds: text, label, predicted label, its probability."""
    fold = np.array([hashlib.sha256(text.encode()).digest()[0] % FOLDS for text in sentences.texts])
    answers = []
    for number in range(FOLDS):
        held = sentences.of(fold == number)
        chances = np.exp(log_chances(fit(sentences.of(fold != number)), held))
        for text, label, row in zip(held.texts, held.labels, chances, strict=True):
            answers.append((text, LABELS[label], LABELS[int(row.argmax())], float(row.max())))
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="five folds, nothing written")
    arguments = parser.parse_args()
    sentences = load_sentences()
    if arguments.check:
        answers = folds(sentences)
        for text, label, answer, chance in answers:
            if label != answer:
                sys.stdout.write(f"{label:14} {answer:14} {chance:.2f}  {text}\n")
        sys.stdout.write(f"{sum(label == answer for _, label, answer, _ in answers)} of {len(answers)} right\n")
        return
    weights = weights_of(fit(sentences))
    FILE.write_text(json.dumps({"lists": dict(weights.lists), "silent": weights.silent}, indent=2) + "\n", "utf-8")
    sys.stdout.write(f"wrote {FILE.name}: {FILE.read_text('utf-8')}")


if __name__ == "__main__":
    main()

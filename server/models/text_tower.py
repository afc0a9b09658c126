"""The compact CLIP's text tower in numpy: prompts to unit vectors without torch, so that a worker starts quickly.

A BERT of a few layers with mean pooling, and a linear projection, as open_clip's HFTextEncoder computes it; a test compares both.
About 300 prompts a second on a core.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, softmax

from server.models.compact import HEADS, WIDTH, CompactCard, Tensors, small_tokenizer

BATCH = 32
EPSILON = 1e-12  # BERT's layer norm
PREFIX = "text."

Floats = NDArray[np.float32]


class TextTower:
    """`encode(texts)`: float32 [n, WIDTH], unit vectors, in the order given."""

    def __init__(self, tensors: Tensors, card: CompactCard) -> None:
        self._t = {name.removeprefix(PREFIX): tensor for name, tensor in tensors.items()}
        self._layers = card.layers
        self._tokenizer = small_tokenizer(card.vocabulary)

    def encode(self, texts: Sequence[str]) -> Floats:
        tokens = [one.ids for one in self._tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
        out = np.zeros((len(tokens), WIDTH), np.float32)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            longest = len(tokens[rows[-1]])
            ids = np.array([tokens[i] + [0] * (longest - len(tokens[i])) for i in rows])
            out[rows] = self._forward(ids)
        return out

    def _forward(self, ids: NDArray[np.int64]) -> Floats:
        base = "transformer.embeddings."
        x = self._t[base + "word_embeddings.weight"][ids] + self._t[base + "position_embeddings.weight"][: ids.shape[1]]
        x = self._norm(x + self._t[base + "token_type_embeddings.weight"][0], base + "LayerNorm")
        real = ids != 0
        for layer in range(self._layers):
            base = f"transformer.encoder.layer.{layer}."
            x = self._norm(x + self._attend(x, real, base + "attention."), base + "attention.output.LayerNorm")
            inner = self._linear(x, base + "intermediate.dense")
            inner *= 0.5 * (1 + erf(inner / np.float32(np.sqrt(2))))
            x = self._norm(x + self._linear(inner, base + "output.dense"), base + "output.LayerNorm")
        mean = (x * real[..., None]).sum(1) / real.sum(1, keepdims=True)
        out = mean @ self._t["proj.weight"].T
        return np.asarray(out / np.linalg.norm(out, axis=1, keepdims=True), np.float32)

    def _attend(self, x: Floats, real: NDArray[np.bool_], base: str) -> Floats:
        n, length, _ = x.shape

        def heads(name: str) -> Floats:
            return self._linear(x, f"{base}self.{name}").reshape(n, length, HEADS, -1).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / np.float32(np.sqrt(WIDTH // HEADS))
        scores = np.where(real[:, None, None, :], scores, -np.inf)
        mixed = softmax(scores, axis=-1) @ heads("value")
        return self._linear(mixed.transpose(0, 2, 1, 3).reshape(n, length, WIDTH), base + "output.dense")

    def _linear(self, x: Floats, name: str) -> Floats:
        """One product of all rows: numpy multiplies a stack matrix by matrix, and waking BLAS's threads for each costs far more."""
        rows = x.reshape(-1, x.shape[-1]) @ self._t[name + ".weight"].T + self._t[name + ".bias"]
        return np.asarray(rows.reshape(*x.shape[:-1], -1), np.float32)

    def _norm(self, x: Floats, name: str) -> Floats:
        x = x - x.mean(-1, keepdims=True)
        scale = np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(EPSILON))
        return np.asarray(x / scale * self._t[name + ".weight"] + self._t[name + ".bias"], np.float32)

"""Weighted logistic regression: the CNN's head and the part reader's, many at once over the same features.

L-BFGS over one matrix of weights, so five folds cost little more than one fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

RIDGE = 1e-4  # on the squared weights, over features of the scale below
SPREAD = 3.0  # of each block of features, so that the many deep ones do not drown the few textures
ITERATIONS = 60  # the held-out figures stand still after about 50
CHUNK = 8192  # rows at a time: what does not fit the caches is waited for
LEAST_SPREAD = 1e-3  # of a texture; flatter ones would be blown up

Floats = NDArray[np.float32]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Heads:
    """`weight` [m, classes, f] and `bias` [m, classes] of m heads over plain features."""

    weight: Floats
    bias: Floats

    def logits(self, features: Floats, head: int = 0) -> Floats:
        return np.asarray(features @ self.weight[head].T + self.bias[head], np.float32)


@dataclass(frozen=True)
class Scale:
    """What is subtracted and divided by: 0 and one number for the first `deep` features, mean and spread for the others."""

    middle: Floats
    spread: Floats

    @classmethod
    def of(cls, features: NDArray[np.float16] | Floats, deep: int) -> Scale:
        middle = np.zeros(features.shape[1], np.float32)
        spread = np.full(features.shape[1], np.sqrt(deep) / SPREAD, np.float32)
        if others := features.shape[1] - deep:
            rest = np.asarray(features[:, deep:], np.float32)
            middle[deep:] = rest.mean(0)
            spread[deep:] = (rest.std(0) + LEAST_SPREAD) * np.sqrt(others) / SPREAD
        return cls(middle, spread)


def fit_heads(
    features: NDArray[np.float16] | Floats, labels: NDArray[np.int64], weights: NDArray[np.float64], classes: int, deep: int, *,
    ridge: float = RIDGE, iterations: int = ITERATIONS, progress: Progress | None = None,
) -> Heads:  # fmt: skip
    """Heads on `features` [n, f], the first `deep` of them deep; one for each column of `weights` [n, m], which sum to 1.

    `progress(passes, most)` is called after each pass over the rows.
    """
    scale, count = Scale.of(features, deep), weights.shape[1]
    kept = torch.from_numpy(((np.asarray(features, np.float32) - scale.middle) / scale.spread).astype(np.float32))
    weight = torch.zeros(kept.shape[1], count * classes, requires_grad=True)
    bias = torch.zeros(count * classes, requires_grad=True)
    answers, shares = torch.from_numpy(labels), torch.from_numpy(weights.astype(np.float32))
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=iterations, history_size=10, line_search_fn="strong_wolfe", tolerance_change=1e-9
    )
    passes = 0

    def closure() -> Tensor:
        nonlocal passes
        passes += 1
        with torch.no_grad():
            loss, (of_weight, of_bias) = _loss(kept, answers, shares, weight, bias, classes)
            weight.grad, bias.grad = of_weight + 2 * ridge * weight, of_bias
            if progress:
                progress(passes, iterations)
            return loss + ridge * (weight**2).sum()

    step: Callable[..., object] = optimiser.step
    step(closure)
    plain = (weight.detach().numpy().T / scale.spread).reshape(count, classes, -1)
    shift = bias.detach().numpy().reshape(count, classes) - plain @ scale.middle
    return Heads(np.ascontiguousarray(plain, np.float32), np.asarray(shift, np.float32))


def _loss(
    features: Tensor, labels: Tensor, shares: Tensor, weight: Tensor, bias: Tensor, classes: int
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Weighted cross-entropy summed over all heads, and its gradients."""
    total, of_weight, of_bias = torch.zeros(()), torch.zeros_like(weight), torch.zeros_like(bias)
    for start in range(0, len(features), CHUNK):
        here, at = features[start : start + CHUNK], slice(start, start + CHUNK)
        logs = torch.addmm(bias, here, weight).view(len(here), -1, classes).log_softmax(2)
        right = labels[at, None, None].expand(-1, logs.shape[1], 1)
        total -= (logs.gather(2, right)[:, :, 0] * shares[at]).sum()
        off = logs.exp_()
        off.scatter_add_(2, right, torch.full_like(right, -1, dtype=off.dtype))
        off = (off * shares[at, :, None]).view(len(here), -1)
        of_weight += here.T @ off
        of_bias += off.sum(0)
    return total, (of_weight, of_bias)

"""Half the way back: weights between the frozen ImageNet network and the fine-tuned one, heads included.

Fine-tuning learns the data's origins along with the task; the frozen network with a fitted head errs elsewhere. The mean of their
weights is one network, as fast as either, and better on origins neither saw (Wortsman et al. 2022; figures in docs/experiments.md).
Knows features and labels; no picture.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from server.models.checkpoint import load_cnn, read_card, save_checkpoint
from server.models.cnn import CNN, build_cnn
from server.training.cnn.config import TrainConfig
from server.training.cnn.frozen import Frozen
from server.training.data import sampling
from server.training.data.dataset import Row

RIDGE = 1e-3  # on the head's squared weights: features are few against pictures, so little is needed
ITERATIONS = 150  # of L-BFGS; the loss stops moving after about 100


def fit_head(
    features: Tensor, labels: Tensor, weights: Tensor, classes: int, *, ridge: float = RIDGE, iterations: int = ITERATIONS
) -> nn.Linear:
    """Weighted logistic regression on `features` [n, d]; `weights` [n] sum to 1."""
    head = nn.Linear(features.shape[1], classes)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=iterations, history_size=10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        losses = F.cross_entropy(head(features), labels, reduction="none")
        loss = (losses * weights).sum() + ridge * (head.weight**2).sum()
        torch.autograd.backward(loss)
        return loss

    step: Callable[..., object] = optimiser.step
    step(closure)
    return head.requires_grad_(False)


def between(start: CNN, tuned: CNN, share: float) -> CNN:
    """`share` of `tuned` and the rest of `start`: body and head; its other heads stay the tuned network's."""
    out = copy.deepcopy(tuned)
    state, first, last = out.state_dict(), start.state_dict(), tuned.state_dict()
    for name, value in state.items():
        if name.startswith(("body.", "head.")) and value.is_floating_point():
            value.copy_(torch.lerp(first[name], last[name], share))
    return out.eval()


def blend(tuned: Path, out: Path, rows: Sequence[Row], train: NDArray[np.int64], frozen: Frozen, config: TrainConfig) -> None:
    """Write to `out` the blend of the checkpoint `tuned`, learned from the rows `train`, with the frozen network."""
    network, card = load_cnn(tuned), read_card(tuned)
    start = build_cnn(network.arch, "imagenet", network.classes)
    start.head = frozen_head(frozen.features, rows, train, network.classes, config.non_medical_share)
    made = between(start, network, config.tuned_share)
    save_checkpoint(out, made, name=card.name, data_sha256=card.data_sha256, config=card.config, licences=card.licences)


def frozen_head(
    features: NDArray[np.float16], rows: Sequence[Row], train: NDArray[np.int64], classes: tuple[str, ...], non_medical_share: float
) -> nn.Linear:
    """The head of the frozen network, fitted on the rows `train` as training draws them."""
    weights = sampling.draw_weights([rows[i] for i in train], non_medical_share)
    labels = torch.tensor([classes.index(rows[i].label) for i in train])
    chosen = torch.from_numpy(features[train].astype(np.float32))
    return fit_head(chosen, labels, torch.from_numpy(weights.astype(np.float32)), len(classes))

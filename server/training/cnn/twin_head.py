"""Give a blended network its second branch: ImageNet's own layers, with a head fitted on several views of every picture.

The network's answer becomes a weighted mean of both branches' logits, in one linear layer. Knows features and labels, no picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from server.models.checkpoint import load_cnn, read_card, save_checkpoint
from server.models.cnn import CNN, build_cnn
from server.training.cnn.blend import fit_head
from server.training.data import sampling
from server.training.data.dataset import Row

SHARE = 0.75  # of the twin in the answer: it has learned from phantoms, the other branch has not; .65 and .8 were within .003
DRAWN_SHARE = 0.15  # of the weight of all that it learns from is phantoms, evenly among their kinds; .05 to .2 were within .005
RIDGE = 1e-4  # on the head's squared weights, over features of the scale below
SCALE = 3.0  # of each block of features, so that the many deep ones do not drown the few textures
ITERATIONS = 70  # of L-BFGS over 52,000 rows; the held-out figures stand still after about 50


def fit_twin_head(views: Sequence[NDArray[np.float16]], labels: NDArray[np.int64], weights: NDArray[np.float64], deep: int,
                  classes: int, *, iterations: int = ITERATIONS) -> nn.Linear:  # fmt: skip
    """A linear layer over the twin's features [n, d], the first `deep` of them deep. `weights` [n] sum to 1, and views count alike.

    Textures are brought to one scale by their mean and spread, which the returned layer undoes.
    """
    stacked = np.concatenate(views).astype(np.float32)
    middle, spread = np.zeros(stacked.shape[1], np.float32), np.full(stacked.shape[1], np.sqrt(deep) / SCALE, np.float32)
    textures = stacked[:, deep:]
    if textures.shape[1]:
        middle[deep:] = textures.mean(0)
        spread[deep:] = (textures.std(0) + np.finfo(np.float16).eps) * np.sqrt(textures.shape[1]) / SCALE
    features = torch.from_numpy((stacked - middle) / spread)
    many = torch.from_numpy(np.tile(weights / len(views), len(views)).astype(np.float32))
    head = fit_head(features, torch.from_numpy(np.tile(labels, len(views))), many, classes, ridge=RIDGE, iterations=iterations)
    head.weight.div_(torch.from_numpy(spread))
    head.bias.sub_(head.weight @ torch.from_numpy(middle))
    return head


def with_twin(cnn: CNN, head: nn.Linear, share: float = SHARE) -> CNN:
    """`cnn` with ImageNet's branch beside it, whose answer by `head` counts for `share` of the logits."""
    out = build_cnn(cnn.arch, "imagenet", cnn.classes, cnn.kinds, cnn.text_dim, twin=True)
    kept = {name: value for name, value in cnn.state_dict().items() if not name.startswith("head.")}
    out.load_state_dict({**out.state_dict(), **kept})
    out.preprocess = cnn.preprocess
    with torch.no_grad():
        out.head.weight.copy_(torch.cat([(1 - share) * cnn.head.weight, share * head.weight], 1))
        out.head.bias.copy_((1 - share) * cnn.head.bias + share * head.bias)
    return out.eval()


def lessons(rows: Sequence[Row], train: NDArray[np.int64], views: Sequence[NDArray[np.float16]],
            phantoms: Sequence[NDArray[np.float16]], drawn: Sequence[str], classes: Sequence[str],
            non_medical_share: float) -> tuple[list[NDArray[np.float16]], NDArray[np.int64], NDArray[np.float64]]:  # fmt: skip
    """What `fit_twin_head` takes, of the rows `train` and of phantoms: features of each view, class numbers, weights.

    `phantoms`: for each of `views` the features [p, TWIN_DIM] of drawn pictures, `drawn` [p] their labels.
    """
    share = DRAWN_SHARE if len(drawn) else 0.0
    weights = sampling.draw_weights([rows[i] for i in train], non_medical_share) * (1 - share)
    weights = np.concatenate([weights, np.full(len(drawn), share / max(1, len(drawn)))])
    labels = [rows[i].label for i in train] + list(drawn)
    seen = [np.concatenate([view[train], more]) for view, more in zip(views, phantoms, strict=True)]
    return seen, np.array([classes.index(label) for label in labels]), weights


def add_twin(path: Path, rows: Sequence[Row], train: NDArray[np.int64], views: Sequence[NDArray[np.float16]],
             phantoms: Sequence[NDArray[np.float16]], drawn: Sequence[str], non_medical_share: float) -> None:  # fmt: skip
    """Replace the checkpoint at `path`, learned from the rows `train`, by one with a twin fitted as `lessons` says."""
    cnn, card = load_cnn(path), read_card(path)
    head = fit_twin_head(
        *lessons(rows, train, views, phantoms, drawn, cnn.classes, non_medical_share), cnn.deep_dim, len(cnn.classes)
    )
    save_checkpoint(
        path, with_twin(cnn, head), name=card.name, data_sha256=card.data_sha256, config=card.config, licences=card.licences
    )

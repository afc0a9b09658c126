"""The thousand classes of ImageNet: their names, and the last layer of the backbone that tells them apart."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from server.models.cnn import imagenet_lite0_state

CLASSES = 1000
FEATURES = 1280
CLEAR = 0.35  # probability under which the ImageNet class of a photo is a guess, and its name no caption

Floats = NDArray[np.float32]


def imagenet_classifier() -> nn.Linear:
    """ImageNet's own last layer, from features [n, 1280] to class logits [n, 1000]; it takes no gradients."""
    import timm  # noqa: PLC0415 - a second of import that reading kept features does not need

    state = imagenet_lite0_state(list(timm.create_model("tf_efficientnet_lite0", pretrained=False).state_dict()))
    layer = nn.Linear(FEATURES, CLASSES)
    layer.load_state_dict({"weight": state["classifier.weight"], "bias": state["classifier.bias"]})
    return layer.requires_grad_(False)


def imagenet_logits(features: Floats) -> Floats:
    """The class logits [n, 1000] of ImageNet Lite0 features [n, 1280]."""
    layer = imagenet_classifier()
    return np.asarray(features @ layer.weight.numpy().T + layer.bias.numpy(), np.float32)


def imagenet_names() -> list[str]:
    """The English names of the thousand classes, in the order of the logits."""
    from timm.data.imagenet_info import ImageNetInfo  # noqa: PLC0415

    info = ImageNetInfo()
    return [info.index_to_description(i).split(",")[0] for i in range(CLASSES)]


def clear_names(logits: Floats) -> list[str]:
    """For each row of logits [n, 1000] the name of its class in lower case, or "" where the network is unsure."""
    names = imagenet_names()
    probability, best = torch.from_numpy(logits).softmax(1).max(1)
    return [names[int(i)].lower() if p > CLEAR else "" for p, i in zip(probability, best, strict=True)]

"""Features of images by the graph that serving uses, and their ImageNet classes."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from server.models.cnn import CNN, imagenet_lite0_state
from server.models.compact import backbone_digest
from server.models.preprocess import Bytes

BATCH = 16  # larger ones leave the cores' caches
CLEAR = 0.35  # probability under which the ImageNet class of a photo is a guess, and its name no caption

IMAGENET_CLASSES = 1000

Floats = NDArray[np.float32]
Progress = Callable[[int, int], None]


def digest_of(cnn: CNN) -> str:
    """The digest of a network's backbone, equal to that of the checkpoint it came from."""
    body = {f"body.{name}": value.detach().cpu().half().numpy() for name, value in cnn.body.state_dict().items()}
    return backbone_digest(body, cnn.preprocess)


def compile_features(cnn: CNN, threads: int) -> Callable[[Bytes], Floats]:
    """A function from squares of pixels uint8 [n, side, side, 3] to features [n, feature_dim], by serving's graph.

    `threads`: 0 is OpenVINO's choice.
    """
    graph: Any = import_module("server.models.graph")  # half a second of import that reading kept features does not need

    tensors = {name: value.detach().cpu().numpy() for name, value in cnn.state_dict().items()}
    built = graph.build_graph(cnn.arch, tensors, cnn.preprocess, textures=cnn.textures)
    compiled = graph.compile_graph(built, INFERENCE_NUM_THREADS=threads)

    def run(squares: Bytes) -> Floats:
        return np.array(compiled(squares)[0], np.float32)

    return run


def imagenet_logits(features: Floats) -> Floats:
    """The class logits [n, 1000] of ImageNet Lite0 features [n, 1280]."""
    import timm  # noqa: PLC0415 - a second of import that reading kept features does not need

    net = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    state = imagenet_lite0_state(list(net.state_dict()))
    weight, bias = (state[f"classifier.{name}"].numpy() for name in ("weight", "bias"))
    return np.asarray(features @ weight.T + bias, np.float32)


def imagenet_names() -> list[str]:
    """The English names of the thousand classes, in the order of the logits."""
    from timm.data.imagenet_info import ImageNetInfo  # noqa: PLC0415

    info = ImageNetInfo()
    return [info.index_to_description(i).split(",")[0].lower() for i in range(IMAGENET_CLASSES)]


def clear_names(logits: Floats) -> list[str]:
    """For each row of logits [n, 1000] the name of the class it shows, or "" where the network is unsure."""
    names = imagenet_names()
    chance, best = torch.from_numpy(logits).softmax(1).max(1)
    return [names[int(i)] if p > CLEAR else "" for p, i in zip(chance, best, strict=True)]

"""Features of images by the graph that serving uses."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.models.cnn import CNN
from server.models.compact import backbone_digest
from server.models.preprocess import Bytes

BATCH = 16  # larger ones leave the cores' caches

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

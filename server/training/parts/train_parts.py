"""The part reader, from labelled images to its file: composes figures, computes features, fits.

The last step of `medlens train cnn`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.models.calibration import probabilities
from server.models.checkpoint import SHIPPED_PARTS
from server.models.cnn import CNN
from server.models.parts import to_shape
from server.models.preprocess import to_square
from server.training.cnn.config import TrainConfig
from server.training.cnn.features import compile_features, digest_of
from server.training.cnn.progress import Reporter
from server.training.cnn.train_head import body, fold_logits
from server.training.data.dataset import PixelCache, data_sha256, read_rows
from server.training.parts.figures import BothPasses, figure_features
from server.training.parts.fit_parts import fit_parts

Say = Callable[[str], None]


def train_parts(config: TrainConfig, out: Path | None = None, say: Say = print) -> tuple[Path, dict[str, Any]]:
    """Fit the part reader to ImageNet's body, write `out` (default: into `config.out`), return it and its cross-fitted figures."""
    rows, reporter, cnn = read_rows(config.data), Reporter(say), body(config.weights)
    _, folds, heads = fold_logits(config, say)
    key = f"{digest_of(cnn)}-{data_sha256(rows)[:16]}"
    cache = PixelCache(rows, config.cache)
    composed = figure_features(rows, cache, folds, both_passes(cnn, config.threads), config.cache, key, reporter.images)
    whole = np.zeros((len(composed.sorts), heads.bias.shape[1]), np.float32)
    for fold in np.unique(composed.folds):
        here = composed.folds == fold
        whole[here] = probabilities(heads.logits(np.asarray(composed.features[here], np.float32), int(fold)))
    path = out or config.out / SHIPPED_PARTS.name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path, fit_parts(composed, whole, path, digest_of(cnn), reporter.passes)


def both_passes(cnn: CNN, threads: int) -> BothPasses:
    """Both passes over one image, by the graphs that serving uses: the cells' channels and the features."""
    graph: Any = import_module("server.models.graph")
    tensors = {name: value.detach().cpu().numpy() for name, value in cnn.state_dict().items()}
    features, compiled = compile_features(cnn, threads), dict[tuple[int, int], Any]()

    def run(image: Image.Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        shaped = to_shape(image)
        shape = (shaped.shape[1], shaped.shape[0])
        if shape not in compiled:
            built = graph.build_cells_graph(tensors, cnn.preprocess, shape)
            compiled[shape] = graph.compile_graph(built, INFERENCE_NUM_THREADS=threads)
        cells = np.array(compiled[shape](shaped[None])[0][0], np.float32)
        return cells, features(to_square(image, cnn.preprocess)[None])[0]

    return run

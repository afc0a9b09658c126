"""A network's outputs for held-out images without augmentation, and a short block of figures for the log.

Used after each epoch, and for the out-of-fold predictions on which the ensemble is fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.special import softmax
from torch.nn import functional as F

from server.models.cnn import CNN
from server.models.preprocess import Preprocess, to_batch
from server.training.data.dataset import PixelCache, Row
from server.training.metrics import figures

BATCH = 64
MEASURED = 600  # images looked at after an epoch; the full pass comes once, at the end
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Outputs:
    """Row by row: logits [n, classes], features float16 [n, d], kind logits [n, kinds], caption space [n, text_dim]."""

    logits: Floats
    features: NDArray[np.float16]
    kinds: Floats
    text: Floats


def predict(
    cnn: CNN,
    cache: PixelCache,
    indices: NDArray[np.int64],
    device: torch.device,
    flip: bool = False,
    spec: Preprocess | None = None,
) -> Outputs:
    """In the serving geometry. `flip`: the mean of the features of each image and its mirror image."""
    cnn = cnn.eval().to(memory_format=torch.channels_last)
    out: list[tuple[Floats, NDArray[np.float16], Floats, Floats]] = []
    for start in range(0, len(indices), BATCH):
        images = [Image.fromarray(cache[int(i)]) for i in indices[start : start + BATCH]]
        x = torch.from_numpy(to_batch(images, spec or cnn.preprocess)).to(device).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=device.type != "mps"):
            features = cnn.features(x)
            if flip:
                features = (features + cnn.features(x.flip(3))) / 2
        with torch.inference_mode():
            features = features.float()
            deep = features[:, : cnn.deep_dim]
            kinds = cnn.kind_head(deep) if cnn.kind_head is not None else deep[:, :0]
            text = F.normalize(cnn.text_projection(deep), dim=1) if cnn.text_projection is not None else deep[:, :0]
            logits = cnn.head(features)
        out.append((logits.cpu().numpy(), deep.cpu().numpy().astype(np.float16), kinds.cpu().numpy(), text.cpu().numpy()))
    return Outputs(*(np.concatenate([part[i] for part in out]) for i in range(4)))


def probabilities_of(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """[n, classes], in double precision."""
    return np.asarray(softmax(logits.astype(np.float64), axis=1))


def measure(cnn: CNN, rows: list[Row], cache: PixelCache, held: NDArray[np.int64], device: torch.device) -> dict[str, float | None]:
    """loss, accuracy, balanced accuracy, medical AUROC on up to MEASURED of the held-out rows, the same ones each time."""
    chosen = np.sort(np.random.default_rng(0).permutation(held)[:MEASURED])
    labels = np.array([cnn.classes.index(rows[i].label) for i in chosen])
    probabilities = probabilities_of(predict(cnn, cache, chosen, device).logits)
    block = figures(probabilities, labels)
    loss = float(-np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-9)).mean())
    return {
        "loss": loss,
        "accuracy": block["accuracy"],
        "balanced": block["balanced_accuracy"],
        "medical_auroc": block["medical"]["auroc"],
        "ece": block["ece"],
    }

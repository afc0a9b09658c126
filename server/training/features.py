"""The pooled features of every labelled picture, computed once per backbone and kept beside the pixel cache.

What the compact CLIP and K-Means learn from. OpenVINO runs the backbone (3 to 4 times eager torch on the same cores). This module
knows networks and pictures, no labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from server.models.cnn import CNN, imagenet_lite0_state
from server.models.compact import backbone_digest
from server.models.preprocess import to_batch
from server.training.dataset import PixelCache, Row, data_sha256

BATCH = 16  # larger ones leave the cores' caches
SEEN_CLEARLY = 0.35  # probability under which the ImageNet class of a photo is a guess, and its name no caption

IMAGENET_CLASSES = 1000

Floats = NDArray[np.float32]
Progress = Callable[[int, int], None]


class _Features(nn.Module):
    def __init__(self, cnn: CNN) -> None:
        super().__init__()
        self.body, self.pool = cnn.body, cnn.pool

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.pool(self.body(x))
        return out


def digest_of(cnn: CNN) -> str:
    """The digest of a network's backbone, equal to that of the checkpoint it came from."""
    body = {f"body.{name}": value.detach().cpu().half().numpy() for name, value in cnn.body.state_dict().items()}
    return backbone_digest(body, cnn.preprocess)


def compile_features(cnn: CNN, threads: int) -> Callable[[Floats], Floats]:
    """A function from normalised pictures [n, 3, side, side] to features [n, feature_dim], on the CPU."""
    import openvino  # noqa: PLC0415 - half a second of import that reading kept features does not need

    side = cnn.preprocess.side
    converted = openvino.convert_model(_Features(cnn).eval(), example_input=torch.zeros(1, 3, side, side))
    converted.reshape([-1, 3, side, side])
    compiled = openvino.compile_model(converted, "CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"})

    def run(batch: Floats) -> Floats:
        return np.array(compiled(batch)[0], np.float32)

    return run


def features_of(
    cnn: CNN, rows: Sequence[Row], pixels: PixelCache, folder: Path, threads: int = 2, progress: Progress | None = None
) -> Floats:
    """Features float32 [n, feature_dim] of all rows, read from `folder` when this backbone has seen these rows before."""
    file = folder / f"features-{digest_of(cnn)}-{data_sha256(rows)[:16]}.npy"
    if file.is_file():
        return np.asarray(np.load(file), np.float32)
    run = compile_features(cnn, threads)
    parts = []
    for start in range(0, len(rows), BATCH):
        images = [Image.fromarray(pixels[i]) for i in range(start, min(start + BATCH, len(rows)))]
        parts.append(run(to_batch(images, cnn.preprocess)))
        if progress:
            progress(start + len(images), len(rows))
    features = np.concatenate(parts)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(file, features.astype(np.float16))
    return features.astype(np.float16).astype(np.float32)


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


def seen_clearly(logits: Floats) -> list[str]:
    """For each row of logits [n, 1000] the name of the class it shows, or "" where the network is unsure."""
    names = imagenet_names()
    chance, best = torch.from_numpy(logits).softmax(1).max(1)
    return [names[int(i)] if p > SEEN_CLEARLY else "" for p, i in zip(chance, best, strict=True)]

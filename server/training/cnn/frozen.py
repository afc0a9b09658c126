"""The frozen ImageNet backbone's features of every image, and its likeliest ImageNet class.

Computed once for a data set and kept beside the pixel cache. The heads start from these features, photos keep its class
probabilities as a target (so that fine-tuning forgets less), and captions of photos name them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from server.models.cnn import CNN, build_cnn
from server.models.preprocess import to_batch
from server.training.cnn.imagenet_classes import imagenet_classifier, imagenet_names
from server.training.data.dataset import PixelCache, Progress

BATCH = 64


@dataclass(frozen=True, slots=True)
class Frozen:
    """`features` float16 [n, 1280], `names` [n] of the likeliest ImageNet class; `classifier` is ImageNet's own last layer."""

    features: NDArray[np.float16]
    names: list[str]
    classifier: nn.Linear

    def probabilities(self, rows: NDArray[np.int64]) -> Tensor:
        """[len(rows), 1000] of the frozen backbone, softened a little (temperature 2)."""
        with torch.no_grad():
            out: Tensor = (self.classifier(torch.from_numpy(self.features[rows].astype(np.float32))) / 2).softmax(1)
        return out


def extract(cnn: CNN, cache: PixelCache, indices: NDArray[np.int64], progress: Progress | None = None) -> NDArray[np.float16]:
    """float16 [len(indices), feature_dim] of clean images in the network's own serving geometry."""
    cnn = cnn.eval().to(memory_format=torch.channels_last)
    out = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(indices), BATCH):
            batch = to_batch([Image.fromarray(cache[int(i)]) for i in indices[start : start + BATCH]], cnn.preprocess)
            x = torch.from_numpy(batch).to(memory_format=torch.channels_last)
            out.append(cnn.features(x).float().numpy().astype(np.float16))
            if progress:
                progress("frozen features", start + len(batch), len(indices))
    return np.concatenate(out)


def frozen_features(cache: PixelCache, folder: Path, progress: Progress | None = None) -> Frozen:
    """Read from `folder`, or computed into it in about three minutes for 13,000 images."""
    file = folder / cache.index_file.name.replace("pixels", "frozen").replace(".json", ".npy")
    if not file.is_file():
        features = extract(build_cnn("efficientnet_lite0", "imagenet", ("any",)), cache, np.arange(len(cache)), progress)
        np.save(file, features)
    features = np.load(file)
    classifier = imagenet_classifier()
    with torch.no_grad():
        top = classifier(torch.from_numpy(features.astype(np.float32))).argmax(1).tolist()
    names = imagenet_names()
    return Frozen(features, [names[i] for i in top], classifier)

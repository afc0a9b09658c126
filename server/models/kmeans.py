"""K-Means as an ensemble member: the nearest centres of deep features, and the labels of the images around each centre.

The clusters are found without labels; the labels give the share of each modality in each cluster. An image belongs to a cluster
with a probability that falls with its squared distance (softmax), and its modalities are the mixes of its clusters. Arrays in
safetensors, never a pickle. Its input is the shared features.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from server.contract.errors import ModelError, WeightsMissing
from server.contract.modalities import MODALITIES
from server.models.checkpoint import READABLE, WEIGHTS
from server.models.compact import shipped_backbone
from server.models.members import View

SHIPPED_KMEANS = WEIGHTS / "kmeans.safetensors"
CARD = "medlens"
FORMAT = 1
LEAST = 1e-4  # probability: no cluster is so pure that it may veto the other members

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class KMeansModel:
    """`mean` [f] and `axes` [f, d] lead to the space of `centres` [k, d]; `mix` [k, 6]; `sharpness`: 1 / squared distance."""

    mean: Floats
    axes: Floats
    centres: Floats
    mix: Floats
    sharpness: float
    backbone: str = ""
    metrics: str = "{}"
    name: str = "kmeans"

    def place(self, features: Floats) -> Floats:
        """Features [n, f or more] (the first f count) to the centres' space [n, d]: unit length, less the mean, along the axes."""
        return np.asarray((unit(features[:, : len(self.mean)]) - self.mean) @ self.axes, np.float32)

    def distances(self, features: Floats) -> Floats:
        """Squared distances [n, k] to every centre."""
        return squared_distances(self.place(features), self.centres)

    def chances(self, features: Floats) -> Floats:
        """Probabilities [n, 6]; each row sums to 1."""
        return mixed(self.distances(features), self.mix, self.sharpness)

    def logits(self, view: View) -> Floats:
        if view.features is None:
            raise ModelError("kmeans reads the shared features, and there are none")
        return np.log(self.chances(view.features))


def unit(features: Floats) -> Floats:
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-8), np.float32)


def squared_distances(points: Floats, centres: Floats) -> Floats:
    squares = (points**2).sum(1)[:, None] - 2 * points @ centres.T + (centres**2).sum(1)
    return np.asarray(np.maximum(squares, 0), np.float32)


def mixed(distances: Floats, mix: Floats, sharpness: float) -> Floats:
    """softmax(-sharpness * squared distance) [n, k] times the clusters' mixes [k, 6], clipped at LEAST."""
    powers = np.exp(-sharpness * (distances - distances.min(axis=1, keepdims=True)))
    chances = np.maximum(powers / powers.sum(axis=1, keepdims=True) @ mix, LEAST)
    return np.asarray(chances / chances.sum(axis=1, keepdims=True), np.float32)


def save_kmeans(path: Path, model: KMeansModel) -> None:
    """Write the arrays (half precision, the mixes single) and the card, atomically."""
    arrays: dict[str, NDArray[Any]] = {
        "mean": model.mean.astype(np.float16), "axes": model.axes.astype(np.float16), "centres": model.centres.astype(np.float16),
        "mix": model.mix.astype(np.float32), "sharpness": np.array([model.sharpness], np.float32),
    }  # fmt: skip
    card = {"format": FORMAT, "classes": MODALITIES, "backbone": model.backbone, "metrics": json.loads(model.metrics)}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file(arrays, part, metadata={CARD: json.dumps(card)})
    part.chmod(READABLE)
    part.replace(path)


def open_kmeans(path: Path = SHIPPED_KMEANS, backbone: str | None = None) -> KMeansModel:
    """The member `kmeans`. Raises WeightsMissing, or ModelError when it is damaged or was fitted to another backbone.

    `backbone`: the digest of the backbone whose features it will read; None takes the shipped CNN's.
    """
    if not path.is_file():
        raise WeightsMissing(f"no clusters at {path}; `medlens train kmeans` makes them")
    try:
        with safe_open(path, framework="np") as file:
            card: dict[str, Any] = json.loads((file.metadata() or {})[CARD])
            arrays = {name: file.get_tensor(name).astype(np.float32) for name in ("mean", "axes", "centres", "mix", "sharpness")}
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path.name} holds no clusters, or is damaged ({error})") from None
    if card.get("format") != FORMAT or tuple(card.get("classes", ())) != MODALITIES:
        raise ModelError(f"{path.name} was written by another version; `medlens train kmeans` makes it again")
    if card.get("backbone") != (backbone or shipped_backbone()):
        raise ModelError(f"{path.name} was fitted to another backbone than cnn.safetensors; `medlens train kmeans` fits it again")
    sharpness = float(arrays.pop("sharpness")[0])
    return KMeansModel(**arrays, sharpness=sharpness, backbone=card["backbone"], metrics=json.dumps(card.get("metrics", {})))

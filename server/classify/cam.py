"""Class-activation maps of a checkpoint: how much each cell of the CNN's coarse grid speaks for a modality.

For a network that ends in a mean and a linear layer the map is exact: the modality's weights over the last feature map (Zhou et al.
2016), computed with OpenVINO and without torch. Texture features have no position and are left out. Other networks need captum's
Grad-CAM and torch; a test compares both where both apply.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from server.classify.inference import OpenVinoNetwork
from server.contract.modalities import MODALITIES, Modality
from server.models.calibration import Floats
from server.models.checkpoint import Card, load_cnn, read_card
from server.models.members import open_head
from server.models.preprocess import to_batch

# Architectures whose features are the plain mean of the feature map.
END_IN_A_MEAN = ("efficientnet_lite0", "mobilenet_v2")


class ActivationMap(Protocol):
    """One network's maps; not for several threads at once."""

    @property
    def card(self) -> Card: ...

    def grid(self, image: Image.Image, modality: Modality | None) -> Floats:
        """float32 [h, w], 0 and more, over the square the network reads; for `modality` or the CNN's own answer."""


def is_exact(path: Path) -> bool:
    """Whether the checkpoint at `path` needs no gradient. Raises WeightsMissing or ModelError."""
    return read_card(path).arch in END_IN_A_MEAN


def open_map(path: Path) -> ActivationMap:
    """The fastest implementation for the checkpoint at `path`. Raises WeightsMissing, or ModelError for one that does not fit."""
    return ExactMap(path) if is_exact(path) else GradientMap(path)


class ExactMap:
    """By OpenVINO, without torch: the first map takes a second, each further one hundredths of a second."""

    def __init__(self, path: Path) -> None:
        self._head = open_head("cnn", path)
        self._network = OpenVinoNetwork(path, first="maps")
        self.card = self._network.card

    def grid(self, image: Image.Image, modality: Modality | None) -> Floats:
        channels, features = (one[0] for one in self._network.maps([image]))
        logits = self._head.weight @ features + self._head.bias
        weights = self._head.weight[MODALITIES.index(modality) if modality else int(logits.argmax())]
        return np.asarray(np.einsum("c,chw->hw", weights[: len(channels)], channels).clip(0), np.float32)


class GradientMap:
    """Any architecture, by captum; importing torch takes seconds."""

    def __init__(self, path: Path) -> None:
        from captum.attr import LayerGradCam  # noqa: PLC0415 - brings torch, see the module's docstring

        self.card = read_card(path)
        self._cnn = load_cnn(path)
        self._cam: Any = LayerGradCam(self._cnn, self._cnn.body.get_submodule("bn2") if self._cnn.textures else self._cnn.body)

    def grid(self, image: Image.Image, modality: Modality | None) -> Floats:
        import torch  # noqa: PLC0415 - see the module's docstring

        batch = torch.from_numpy(to_batch([image], self.card.preprocess))
        with torch.no_grad():
            target = self.card.classes.index(modality) if modality else int(self._cnn(batch).argmax())
        return np.asarray(self._cam.attribute(batch, target=target)[0, 0].detach(), np.float32).clip(0)

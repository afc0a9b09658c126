"""The opened members around one shared forward pass: from images to a Prediction and the parts of figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from server.classify.inference import choose_device, open_network
from server.contract.extras import naming_extras
from server.models.calibration import Floats, read_thresholds
from server.models.checkpoint import SHIPPED_CNN, SHIPPED_PARTS
from server.models.compact import shipped_backbone
from server.models.ensemble import Ensemble, Prediction, read_ensemble
from server.models.members import Kind, Member, Network, View, kinds, require
from server.models.parts import LEAST_FIGURE, Figure, PartReader, open_parts
from server.models.precision import choose_precision
from server.models.version import ensemble_in_use
from server.settings import Settings


@dataclass(frozen=True, slots=True)
class Input:
    """An image to be judged. `long_side`: of the original, in pixels; 0 for a panel, which is not read in parts."""

    image: Image.Image
    long_side: int = 0


class Predictor:
    """`backbone` is None when no member reads shared features; without `parts` no figure is read. Not thread-safe."""

    def __init__(
        self, backbone: Network | None, members: Sequence[Member], ensemble: Ensemble, parts: PartReader | None = None
    ) -> None:
        self._backbone, self._members, self._ensemble = backbone, tuple(members), ensemble
        self._parts = parts if backbone else None

    @property
    def reads_parts(self) -> bool:
        return self._parts is not None

    def prediction(self, images: Sequence[Image.Image]) -> Prediction:
        """The Prediction for n >= 1 RGB images of any size, none of them read in parts."""
        return self._together(images)[0]

    def judge(self, inputs: Sequence[Input]) -> tuple[Prediction, list[Figure | None]]:
        """The Prediction for n images, and the Figure of each compound one; a figure's chances are those of both passes."""
        prediction, features = self._together([one.image for one in inputs])
        figures: list[Figure | None] = [None] * len(inputs)
        if self._parts is None or self._backbone is None or features is None:
            return prediction, figures
        chances = prediction.chances.copy()
        for row in map(int, np.flatnonzero(self._parts.may_be_figure(features))):
            if inputs[row].long_side >= LEAST_FIGURE:
                figure = self._parts.read(self._backbone.cells(inputs[row].image), prediction.chances[row])
                chances[row] = figure.chances
                figures[row] = figure if figure.regions else None
        return self._ensemble.settled(chances, prediction), figures

    def _together(self, images: Sequence[Image.Image]) -> tuple[Prediction, Floats | None]:
        features = self._backbone.features(images) if self._backbone else None
        view = View(images, features)
        return self._ensemble.combine({member.name: member.logits(view) for member in self._members}), features


def open_predictor(settings: Settings) -> Predictor:
    """Load the members that `settings` names: about a second on a CPU, and two more with prompts that are not cached yet.

    Raises SettingsError, WeightsMissing or ModelError.
    """
    chosen = kinds(settings)
    for kind in chosen:
        require(kind)
    with naming_extras():
        return _open(settings, chosen)


def _open(settings: Settings, chosen: Sequence[Kind]) -> Predictor:
    open_on_device = partial(open_network, device=choose_device(settings.device), precision=choose_precision(settings.precision))
    shared = any(kind.shared for kind in chosen)
    backbone = open_on_device(SHIPPED_CNN) if shared else None
    parts = open_parts(SHIPPED_PARTS, shipped_backbone()) if shared and SHIPPED_PARTS.is_file() else None
    thresholds = read_thresholds(settings.thresholds) if settings.thresholds else None
    ensemble = read_ensemble(ensemble_in_use(settings, chosen), thresholds)
    return Predictor(backbone, [kind.open(open_on_device) for kind in chosen], ensemble, parts)

"""The members that vote, opened, around one shared forward pass: pictures in, an Prediction out.

It knows members and the ensemble by their protocols only, and neither threads nor batches' makers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PIL import Image

from server.classify.inference import choose_device, open_network
from server.models.calibration import read_thresholds
from server.models.checkpoint import SHIPPED_CNN
from server.models.ensemble import Ensemble, Prediction, read_ensemble
from server.models.members import Member, Network, View, kinds, require
from server.models.version import ensemble_in_use
from server.settings import Settings


class Predictor:
    """`backbone` is None when no member reads shared features. Not for several threads at once."""

    def __init__(self, backbone: Network | None, members: Sequence[Member], ensemble: Ensemble) -> None:
        self._backbone, self._members, self._ensemble = backbone, tuple(members), ensemble

    def prediction(self, images: Sequence[Image.Image]) -> Prediction:
        """What n RGB pictures of any size are, in their order; n may be anything from 1 on."""
        view = View(images, self._backbone.features(images) if self._backbone else None)
        return self._ensemble.combine({member.name: member.logits(view) for member in self._members})


def open_predictor(settings: Settings) -> Predictor:
    """Load what `settings` lets vote; takes about a second on a CPU, and two more with prompts that are new here.

    Raises SettingsError, WeightsMissing or ModelError.
    """
    chosen = kinds(settings)
    for kind in chosen:
        require(kind)
    open_on_device = partial(open_network, device=choose_device(settings.device))
    backbone = open_on_device(SHIPPED_CNN) if any(kind.shared for kind in chosen) else None
    thresholds = read_thresholds(settings.thresholds) if settings.thresholds else None
    ensemble = read_ensemble(ensemble_in_use(settings, chosen), thresholds)
    return Predictor(backbone, [kind.open(open_on_device) for kind in chosen], ensemble)

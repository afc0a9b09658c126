"""Views hide how the data was stored, are looked at once, and say how far they are."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from server.contract.modalities import MODALITIES
from server.models.cnn import build_cnn
from server.models.layout import DEEP, TEXTURES
from server.training.cnn import views
from server.training.cnn.views import FEW, LEARNED, QUALITIES, SHORT_SIDES, ViewFeatures, augmented, few_of_each, resaved
from server.training.data.dataset import PixelCache, Row


@pytest.fixture
def images(tmp_path: Path) -> list[Row]:
    rows = []
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 256, (240, 300, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        rows.append(Row(tmp_path / f"{i}.png", MODALITIES[i], origin=str(i)))
    return rows


def test_every_view_is_smaller_than_what_was_stored(images: list[Row]) -> None:
    image = Image.open(images[0].file)
    for seed in range(8):
        seen = resaved(image, "ct", np.random.default_rng(seed), 224)
        assert SHORT_SIDES[0] <= min(seen.size) <= SHORT_SIDES[1]
    assert QUALITIES[1] < 90
    assert augmented(image, "ct", np.random.default_rng(0), 224).size == (224, 224)


def test_jpeg_keeps_little_of_an_earlier_jpeg(images: list[Row]) -> None:
    """Two copies that only differ in how they were stored are nearer to each other in a view than as they lie."""
    stored = []
    smooth = Image.open(images[0].file).resize((60, 48)).resize((300, 240))
    for quality in (66, 95):
        out = BytesIO()
        smooth.save(out, "JPEG", quality=quality)
        stored.append(Image.open(out).convert("RGB"))
    seen = [np.asarray(resaved(one, "ct", np.random.default_rng(5), 224), float) for one in stored]
    assert np.abs(seen[0] - seen[1]).mean() < np.abs(np.asarray(stored[0], float) - np.asarray(stored[1], float)).mean()


def test_a_view_is_looked_at_once_and_tells_how_far_it_is(images: list[Row], tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    cache = PixelCache(images, tmp_path / "cache")
    cnn = build_cnn("efficientnet_lite0", None, MODALITIES, textures=True).eval()
    view_features = ViewFeatures(cnn, tmp_path / "cache", 1, lambda *said: told.append(said))
    first, at = view_features.rows(LEARNED[0], images, cache)
    second, _ = view_features.rows(LEARNED[1], images, cache)
    assert first.shape == second.shape == (3, DEEP + TEXTURES)
    assert at.tolist() == [0, 1, 2]
    assert not np.array_equal(first, second)
    assert [one[1:] for one in told] == [(3, 3), (3, 3)]
    again, _ = view_features.rows(LEARNED[0], images, cache)
    assert np.array_equal(first, again)
    assert len(told) == 2


def test_a_view_that_was_cut_off_goes_on_where_it_was(images: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "BATCH", 1)
    cache = PixelCache(images, tmp_path / "cache")
    cnn = build_cnn("efficientnet_lite0", None, MODALITIES, textures=True).eval()
    whole, _ = ViewFeatures(cnn, tmp_path / "whole", 1).rows(LEARNED[0], images, cache)

    def until_the_second(what: str, done: int, most: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ViewFeatures(cnn, tmp_path / "cut", 1, until_the_second).rows(LEARNED[0], images, cache)
    told: list[int] = []
    again, _ = ViewFeatures(cnn, tmp_path / "cut", 1, lambda what, done, most: told.append(done)).rows(LEARNED[0], images, cache)
    assert told == [3]
    assert np.array_equal(whole, again)


def test_large_origins_give_few_of_a_kind() -> None:
    rows = [Row(Path(f"{i}.png"), "ct", "head", "large") for i in range(3 * FEW)] + [Row(Path("x.png"), "ct", "head", "small")]
    chosen = few_of_each(rows)
    assert len(chosen) == FEW + 1
    assert 3 * FEW in chosen
    assert np.array_equal(chosen, few_of_each(rows))

"""Phantoms: each kind is drawn from its numbers alone, in every form its features are made of, and none repeats itself."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from server.contract.modalities import MODALITIES
from server.models.cnn import build_cnn
from server.models.layout import DEEP, TEXTURES
from server.training.cnn import views
from server.training.drawn import phantoms


@pytest.mark.parametrize("name", phantoms.PHANTOMS)
def test_every_kind_draws_images_from_its_numbers(name: str) -> None:
    label, draw = phantoms.PHANTOMS[name]
    drawn = [draw(np.random.default_rng(seed)) for seed in range(3)]
    assert label in MODALITIES
    for image in drawn:
        assert image.mode == "RGB"
        assert min(image.size) >= 100
        assert np.asarray(image).std() > 3  # something is to be seen
    assert len({image.tobytes() for image in drawn}) == 3
    assert draw(np.random.default_rng(0)).tobytes() == drawn[0].tobytes()


def test_every_modality_is_drawn() -> None:
    assert {label for label, _ in phantoms.PHANTOMS.values()} == set(MODALITIES)


def test_numbers_run_through_the_kinds() -> None:
    labels = phantoms.labels(3)
    assert len(labels) == len(phantoms.PHANTOMS) * 3
    for at, (label, _) in enumerate(phantoms.PHANTOMS.values()):
        number = at * 3 + 1
        assert phantoms.phantom(number, 3, np.random.default_rng(1))[1] == label == labels[number]


def test_a_kind_drawn_otherwise_has_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = phantoms.phantoms_sha256(2)
    assert phantoms.phantoms_sha256(2) == before != phantoms.phantoms_sha256(3)
    plain = {**phantoms.PHANTOMS, "chest": ("xray", lambda rng: Image.new("RGB", (120, 120), "red"))}
    monkeypatch.setattr(phantoms, "PHANTOMS", plain)
    assert phantoms.phantoms_sha256(2) != before


def test_features_of_phantoms_are_made_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    few = {name: phantoms.PHANTOMS[name] for name in ("head_ct", "wound")}
    for module in (phantoms, views):
        monkeypatch.setattr(module, "PHANTOMS", few)
    reported: list[str] = []
    cnn = build_cnn("efficientnet_lite0", None, MODALITIES, textures=True).eval()
    view_features = views.ViewFeatures(cnn, tmp_path, 1, lambda what, done, most: reported.append(what))
    made = [view_features.phantoms(view, 2) for view in views.LEARNED[:2]]
    assert all(view.shape == (4, DEEP + TEXTURES) and np.isfinite(view).all() for view in made)
    assert not np.array_equal(made[0], made[1])  # drawn anew
    before = len(reported)
    assert np.array_equal(view_features.phantoms(views.LEARNED[0], 2), made[0])
    assert len(reported) == before

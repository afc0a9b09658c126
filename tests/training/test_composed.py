"""Composed figures: boxes lie in the image and where the scans are, negatives hold nothing medical, cells get their labels."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from server.contract.modalities import MODALITIES
from server.models.parts import NON, shape_for
from server.training.data.dataset import PixelCache, Row
from server.training.parts.composed import LAYOUTS, Shelf, compose
from server.training.parts.composed_panels import Sheet
from server.training.parts.figures import UNLABELLED, cell_labels

RED = (255, 0, 0)


@pytest.fixture
def shelves(tmp_path: Path) -> tuple[Shelf, Shelf]:
    """Scans are red all over, so that a box can be looked into."""
    rows = []
    for i, (label, kind) in enumerate([("ct", "head"), ("mri", "knee"), ("non_medical", "photo"), ("non_medical", "chart")] * 3):
        colour = RED if label != "non_medical" else (20, 40 + 10 * i, 200)
        Image.new("RGB", (120, 100 + i), colour).save(tmp_path / f"{i}.png")
        rows.append(Row(tmp_path / f"{i}.png", label, kind, f"{label}-{kind}"))
    cache = PixelCache(rows, tmp_path)
    return Shelf(rows, cache, np.arange(12)), Shelf(rows, cache, np.arange(12), medical=False)


@pytest.mark.parametrize("layout", [layout for _, layout in LAYOUTS], ids=lambda layout: layout.__name__)
def test_every_layout_says_where_its_scans_are(layout, shelves: tuple[Shelf, Shelf]) -> None:  # type: ignore[no-untyped-def]
    medical, other = shelves
    found = 0
    for seed in range(6):
        sheet = layout(medical, np.random.default_rng(seed))
        for label, (left, top, right, bottom) in sheet.parts:
            assert label in MODALITIES[:NON]
            assert 0 <= left < right <= sheet.size[0] + 1
            assert 0 <= top < bottom <= sheet.size[1] + 1
            found += 1
        assert layout(other, np.random.default_rng(seed)).parts == []
    assert found


def test_the_same_chances_give_the_same_figure(shelves: tuple[Shelf, Shelf]) -> None:
    first, second = (compose(shelves[0], np.random.default_rng(4)) for _ in range(2))
    assert first.parts == second.parts
    assert np.array_equal(np.asarray(first.image), np.asarray(second.image))


def test_a_cell_is_what_covers_it() -> None:
    sheet = Sheet(Image.new("RGB", (448, 448)), [("ct", (0, 0, 224, 448)), ("mri", (290, 0, 320, 30))])
    labels = cell_labels(sheet)
    assert shape_for(*sheet.size) == (448, 448)
    assert labels.shape == (7, 7)
    assert (labels[:, :3] == MODALITIES.index("ct")).all()
    assert (labels[:, 6] == NON).all()
    assert labels[0, 4] == UNLABELLED  # a corner of a scan stands in it

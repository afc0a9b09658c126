"""The pictures of an evaluation: a confusion matrix, the surest mistakes as sheet and table."""

import numpy as np
from PIL import Image

from server.training.data.dataset import PixelCache, read_rows
from server.training.sheets import confusion_picture, mistakes_sheet, mistakes_table, worst


def test_a_confusion_matrix_becomes_a_picture(tmp_path):
    confusion_picture(np.eye(6, dtype=np.int64) * 40 + 1, tmp_path / "deep" / "matrix.png", "CNN")
    with Image.open(tmp_path / "deep" / "matrix.png") as image:
        assert image.width > 500
        assert len(image.getcolors(10_000)) > 2


def test_the_surest_mistakes_come_first_and_no_origin_fills_the_list(tiny, tmp_path):
    rows = read_rows(tiny)
    labels = np.zeros(len(rows), np.int64)
    probabilities = np.full((len(rows), 6), 0.05)
    probabilities[:, 1] = np.linspace(0.5, 0.75, len(rows))
    places = worst(probabilities, labels, rows, count=10, each=2)
    assert len(places) == 10
    assert places == sorted(places, reverse=True)
    assert max(sum(rows[i].origin == rows[k].origin for k in places) for i in places) == 2
    assert "was called" in mistakes_table(probabilities, rows, places)
    assert rows[places[0]].file.name in mistakes_table(probabilities, rows, places)
    mistakes_sheet(probabilities, rows, PixelCache(rows, tmp_path), np.arange(len(rows)), places, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.width == 1500

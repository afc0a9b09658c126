"""Manifests and folders become rows; pixels come back from the cache as they are."""

import numpy as np
import pytest
from PIL import Image

from server.contract.errors import NotFound, RequestError
from server.training.data.dataset import CACHE_SHORT, PixelCache, data_sha256, read_rows


def test_rows_of_a_manifest(tiny):
    rows = read_rows(tiny)
    assert len(rows) == 72
    assert rows == read_rows(tiny / "manifest.csv")
    assert rows[0].label == "xray"
    assert rows[0].origin == "xray-origin-0"
    assert rows[0].file.is_file()


def test_rows_of_folders(tmp_path):
    for label in ("ct", "non_medical"):
        (tmp_path / label).mkdir()
        Image.new("RGB", (9, 9)).save(tmp_path / label / "a.png")
        (tmp_path / label / "notes.txt").write_text("no image")
    rows = read_rows(tmp_path)
    assert [(row.label, row.file.name) for row in rows] == [("ct", "a.png"), ("non_medical", "a.png")]


def test_what_cannot_be_read_is_refused_in_one_line(tmp_path):
    with pytest.raises(NotFound, match="neither a folder nor a manifest"):
        read_rows(tmp_path / "nothing")
    with pytest.raises(RequestError, match="neither manifest"):
        read_rows(tmp_path)
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("name,class\na,b\n")
    with pytest.raises(RequestError, match="columns file and label"):
        read_rows(manifest)
    manifest.write_text("file,label\na.png,dog\n")
    with pytest.raises(RequestError, match="line 2: label 'dog'"):
        read_rows(manifest)
    manifest.write_text("file,label\n")
    with pytest.raises(RequestError, match="no rows"):
        read_rows(manifest)


def test_the_hash_tells_other_data(tiny):
    rows = read_rows(tiny)
    assert data_sha256(rows) == data_sha256(read_rows(tiny))
    assert data_sha256(rows) != data_sha256(rows[1:])


def test_pixels_are_kept_and_large_ones_shrunk(tiny, tmp_path):
    rows = read_rows(tiny)
    cache = PixelCache(rows, tmp_path / "cache")
    again = PixelCache(rows, tmp_path / "cache")
    assert len(again) == len(rows)
    np.testing.assert_array_equal(cache[7], np.asarray(Image.open(rows[7].file)))
    np.testing.assert_array_equal(cache[7], again[7])
    (tmp_path / "big" / "ct").mkdir(parents=True)
    Image.new("L", (1000, 900), 9).save(tmp_path / "big" / "ct" / "a.jpg")
    large = PixelCache(read_rows(tmp_path / "big"), tmp_path / "cache")[0]
    assert min(large.shape[:2]) == CACHE_SHORT
    assert large.shape[2] == 3

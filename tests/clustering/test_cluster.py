"""Grouping a folder without labels: clusters, their names, the fall-back when all get one name, and what is left behind."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import server.clustering.cluster
from server.clustering.cluster import (
    MAX_FILES,
    MOST_CLUSTERS,
    Cluster,
    Clustering,
    cluster_folder,
    group,
    images_under,
    name_clusters,
)
from server.clustering.output import COLUMNS, draw_sheet, folder_name, save_table, sort_into_folders
from server.contract.errors import NotFound, RequestError, WeightsMissing
from server.contract.modalities import MODALITIES
from server.models.checkpoint import save_checkpoint
from server.models.clip import ZeroShot, unit
from server.models.cnn import build_cnn
from server.models.members import View
from server.models.prompts import PromptClass, Prompts, load_prompts
from server.settings import Settings


class WordClip:
    """A CLIP whose space has one axis a modality, and one for what is none of them."""

    scale = 20.0

    def images(self, view: View) -> np.ndarray:
        """Dark pictures look like x-rays, bright ones like none of the six."""
        out = np.zeros((len(view.images), 7), np.float32)
        for row, image in enumerate(view.images):
            out[row, 0 if np.asarray(image).mean() < 128 else 5] = 1
        return out

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        known = {text: i for i, one in enumerate(load_prompts().modalities) for ways in one.texts for text in ways}
        return np.eye(7, dtype=np.float32)[[known.get(text, 6) for text in texts]]


@pytest.fixture
def zero_shot() -> ZeroShot:
    return ZeroShot(WordClip(), load_prompts())


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Twelve dark and eight bright pictures, a broken one, a hidden one, and a text."""
    rng = np.random.default_rng(4)
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for i in range(20):
        base = 40 if i < 12 else 210
        pixels = rng.integers(base - 30, base + 30, (48, 64, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / ("deep" if i % 2 else ".") / f"{i:02}.png")
    (folder / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    (folder / ".hidden" / "x.png").write_bytes((folder / "00.png").read_bytes())
    (folder / "notes.txt").write_text("no picture either")
    return folder


@pytest.fixture
def eyes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained backbone, and a CLIP that tells dark from bright."""
    path = tmp_path / "cnn.safetensors"
    save_checkpoint(path, build_cnn("efficientnet_lite0", None, MODALITIES))
    monkeypatch.setattr(server.clustering.cluster, "SHIPPED_CNN", path)
    monkeypatch.setattr(server.clustering.cluster, "open_zero_shot", lambda _: ZeroShot(WordClip(), load_prompts()))


def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", device="cpu", batch_size=8)


@pytest.mark.parametrize("features", ["cnn", "clip"])
def test_a_folder_becomes_named_groups(
    pictures: Path, eyes: None, tmp_path: Path, features: server.clustering.cluster.FeatureKind
) -> None:
    told: list[tuple[str, int, int]] = []
    found = cluster_folder(pictures, settings(tmp_path), clusters=2, features=features, progress=lambda *what: told.append(what))
    assert [(one.name, one.size) for one in found.clusters] == [("xray", 12), ("non_medical", 8)]
    assert found.silhouette is not None
    assert found.silhouette > 0.3
    assert not found.renamed
    assert [path.name for path, _ in found.skipped] == ["torn.jpg"]
    assert told[-1] == ("group", 1, 1)
    assert ("read", 21, 21) in told

    save_table(found, tmp_path / "out" / "clusters.csv")
    lines = list(csv.DictReader((tmp_path / "out" / "clusters.csv").read_text().splitlines()))
    assert tuple(lines[0]) == COLUMNS
    assert len(lines) == 20
    assert {line["name"] for line in lines if line["file"].startswith("deep/")} == {"xray", "non_medical"}

    folders = sort_into_folders(found, tmp_path / "sorted")
    assert [folder.name for folder in folders] == ["00-xray", "01-non_medical"]
    assert [len(list(folder.iterdir())) for folder in folders] == [12, 8]
    assert (tmp_path / "sorted" / "00-xray" / "deep-01.png").is_file()

    draw_sheet(found, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"
        assert sheet.width > 1500


def test_without_a_number_the_best_silhouette_decides() -> None:
    rng = np.random.default_rng(0)
    middles = np.eye(5, dtype=np.float32)
    points = np.concatenate(
        [unit(middle + rng.normal(0, 0.05, (n, 5)).astype(np.float32)) for middle, n in zip(middles, (9, 7, 20, 5, 8), strict=True)]
    )
    labels, centres, silhouette = group(points, None)
    assert len(centres) == 5
    assert np.bincount(labels).tolist() == [20, 9, 8, 7, 5]
    assert silhouette is not None
    assert silhouette > 0.8


def test_pictures_all_alike_are_one_group() -> None:
    labels, centres, silhouette = group(np.ones((6, 3), np.float32), 3)
    assert (len(centres), silhouette, set(labels)) == (1, None, {0})


def test_when_all_clusters_get_one_name_they_are_told_apart_by_how_medical_they_are(zero_shot: ZeroShot) -> None:
    middles = unit(np.array([[0.1, 0, 0, 0, 0, 1, 0], [0.6, 0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1, 0]], np.float32))
    names, sure, renamed = name_clusters(zero_shot, middles)
    assert renamed
    assert names == ["non_medical", "medical", "non_medical"]
    assert ((sure >= 0.5) & (sure <= 1)).all()


def test_a_class_of_ones_own_can_name_a_cluster_and_never_a_modality() -> None:
    mine = Prompts(load_prompts().modalities, (PromptClass("pacemaker", ("something else",)),))
    zero_shot = ZeroShot(WordClip(), mine)
    middles = np.eye(7, dtype=np.float32)[[6, 1]]
    assert name_clusters(zero_shot, middles)[0] == ["pacemaker", "ct"]
    assert zero_shot.modalities(middles).shape == (2, 6)


def test_wishes_that_cannot_be_met_are_refused_by_name(
    pictures: Path, eyes: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for clusters in (1, MOST_CLUSTERS + 1):
        with pytest.raises(RequestError, match="--clusters must be from 2"):
            cluster_folder(pictures, settings(tmp_path), clusters=clusters)
    with pytest.raises(RequestError, match="too few for 30"):
        cluster_folder(pictures, settings(tmp_path), clusters=30)
    with pytest.raises(RequestError, match="--features must be one of"):
        cluster_folder(pictures, settings(tmp_path), features="vgg")  # type: ignore[arg-type]
    with pytest.raises(WeightsMissing, match="models pull mobilenet_v2"):
        cluster_folder(pictures, settings(tmp_path), features="mobilenet_v2")
    with pytest.raises(NotFound, match="is not a folder"):
        images_under(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match="no image"):
        images_under(tmp_path / "empty")
    assert MAX_FILES > 1000
    monkeypatch.setattr(server.clustering.cluster, "MAX_FILES", 3)
    with pytest.raises(RequestError, match="more than the 3"):
        images_under(pictures)


def test_copies_never_land_where_they_would_be_read_again(pictures: Path, tmp_path: Path) -> None:
    nothing = Clustering(pictures, "cnn", (), np.zeros(0, np.int64), np.zeros(0, np.float32), (), None)
    with pytest.raises(RequestError, match="is inside"):
        sort_into_folders(nothing, pictures / "sorted")


@pytest.mark.parametrize(
    ("name", "folder"), [("xray", "03-xray"), ("../../etc", "03-etc"), ("a b/c", "03-a-b-c"), ("...", "03-cluster")]
)
def test_a_folders_name_is_safe_whatever_a_class_is_called(name: str, folder: str) -> None:
    assert folder_name(3, Cluster(name, 1.0, 1)) == folder

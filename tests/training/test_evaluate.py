import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from server.classify.engine import Engine
from server.classify.predictor import Predictor
from server.contract.errors import ModelError, NotFound, RequestError
from server.contract.modalities import MODALITIES
from server.models.calibration import Floats
from server.models.ensemble import Ensemble
from server.models.members import View
from server.settings import load_settings
from server.training.evaluate import ENSEMBLE, evaluate_manifest

LIMIT = 10**7


class ByShade:
    """A member that reads the modality off the shade of grey, `off` by some."""

    def __init__(self, name: str, off: int = 0) -> None:
        self.name, self._off = name, off

    def logits(self, view: View) -> Floats:
        shades = [round(np.asarray(image, np.float64).mean() / 40) for image in view.images]
        return np.asarray([np.eye(6)[(shade + self._off) % 6] * 20 for shade in shades], np.float32)


def engine(tmp_path: Path, *members: ByShade) -> Engine:
    made = Engine(load_settings(data_dir=tmp_path), open_predictor=lambda _: Predictor(None, members, Ensemble()))
    made.model_version = "v1"
    return made


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """60 images of six shades, one of them with a wrong label, and two files that cannot be read."""
    rows = []
    for number in range(60):
        name = f"{number}.png"
        Image.new("L", (70, 70), number % 6 * 40).save(tmp_path / name)
        rows.append((name, MODALITIES[number % 6] if number else "mri"))
    (tmp_path / "broken.png").write_bytes((tmp_path / "1.png").read_bytes()[:60])
    rows += [("broken.png", "ct"), ("absent.png", "ct")]
    path = tmp_path / "manifest.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("file", "label"), *rows])
    return path


async def test_the_figures_are_those_of_the_contract(tmp_path: Path, manifest: Path) -> None:
    judge, seen = engine(tmp_path, ByShade("cnn")), []
    report = await evaluate_manifest(manifest, {ENSEMBLE: judge}, LIMIT, lambda done, count: seen.append((done, count)))
    assert (report["n"], report["unreadable"]) == (60, ["absent.png", "broken.png"])
    assert report["accuracy"] == pytest.approx(59 / 60)
    assert report["model_version"] == "v1"
    assert report["images_per_second"] > 0
    assert seen[-1] == (62, 62)
    contract = {
        "images_per_second",
        "model_version",
        "balanced_accuracy",
        "macro_f1",
        "per_class",
        "medical",
        "five_class",
        "ece",
        "abstained",
        "accuracy_when_sure",
    }
    assert contract <= set(report)
    assert contract <= set(report["members"]["cnn"])


async def test_each_member_answers_for_itself(tmp_path: Path, manifest: Path) -> None:
    right, wrong = ByShade("cnn"), ByShade("clip", off=1)
    judges = {ENSEMBLE: engine(tmp_path, right, wrong), "cnn": engine(tmp_path, right), "clip": engine(tmp_path, wrong)}
    report = await evaluate_manifest(manifest, judges, LIMIT)
    assert report["members"]["cnn"]["accuracy"] == pytest.approx(59 / 60)
    assert report["members"]["clip"]["accuracy"] < 0.1
    assert report["abstained"] == 1
    assert report["agree"] == 0
    assert report["members"]["cnn"]["abstained"] == 0
    assert report["members"]["cnn"]["accuracy_when_sure"] == pytest.approx(59 / 60)


async def test_a_missing_manifest_raises_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await evaluate_manifest(tmp_path / "none.csv", {ENSEMBLE: engine(tmp_path, ByShade("cnn"))}, LIMIT)


async def test_a_manifest_without_readable_images_raises_an_error(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    path.write_text("file,label\nabsent.png,ct\n")
    with pytest.raises(RequestError, match="none of the 1 images"):
        await evaluate_manifest(path, {ENSEMBLE: engine(tmp_path, ByShade("cnn"))}, LIMIT)


async def test_a_model_that_fails_fails_the_evaluation(tmp_path: Path, manifest: Path) -> None:
    class Broken(ByShade):
        def logits(self, view: View) -> Floats:
            raise ValueError("no")

    with pytest.raises(ModelError, match="the model failed"):
        await evaluate_manifest(manifest, {ENSEMBLE: engine(tmp_path, Broken("cnn"))}, LIMIT)

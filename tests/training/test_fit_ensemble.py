import csv
from pathlib import Path

import numpy as np
import pytest

from server.contract.errors import NotFound, RequestError
from server.contract.modalities import MODALITIES
from server.models.ensemble import read_ensemble
from server.training.ensemble.fit_ensemble import fit_ensemble

N, FOLDS = 540, 3


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A manifest of N rows; nobody opens the images."""
    path = tmp_path / "manifest.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "label", "origin"])
        writer.writerows((f"{i}.jpg", MODALITIES[i % 6], f"origin-{i // 6 % 30}") for i in range(N))
    return path


def answer(folder: Path, noise: float, loudness: float, seed: int) -> None:
    """A member's answers to the rows of `data`, fold by fold; `loudness` over-states how sure it is."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    labels = np.arange(N) % 6
    logits = loudness * (np.eye(6)[labels] * 4 + rng.normal(0, noise, (N, 6)))
    for fold in range(FOLDS):
        here = np.flatnonzero(np.arange(N) // 6 % FOLDS == fold)
        np.savez(folder / f"{fold}.npz", logits=logits[here].astype(np.float32), indices=here, features=np.zeros((len(here), 2)))


def test_every_subset_of_the_members_is_fitted_and_the_figures_are_better_than_before(tmp_path: Path, data: Path) -> None:
    for name, noise in (("", 1.5), ("clip", 2.0), ("kmeans", 2.5)):
        answer(tmp_path / "oof" / name, noise, 4.0, seed=len(name))
    content = fit_ensemble(data, tmp_path / "oof", tmp_path / "ensemble.json")
    before, after = content["figures"]["before"], content["figures"]["after"]
    assert len(content["stacks"]) == 7
    assert after["cnn"]["ece"] < before["cnn"]["ece"]
    assert after["clip+cnn+kmeans"]["accuracy"] > max(block["accuracy"] for block in before.values())
    assert after["clip+cnn+kmeans"]["accuracy_when_sure"] > 0.98

    ensemble = read_ensemble(tmp_path / "ensemble.json")
    assert len(ensemble.stacks) == 7
    sure = ensemble.combine({"cnn": np.asarray([[40, 0, 0, 0, 0, 0]], np.float32)})
    assert (sure.chances.argmax(), bool(sure.sure[0])) == (0, True)


def test_the_cnn_alone_is_tempered(tmp_path: Path, data: Path) -> None:
    answer(tmp_path / "oof", 1.5, 4.0, seed=0)
    content = fit_ensemble(data, tmp_path / "oof", tmp_path / "ensemble.json")
    assert [stack["members"] for stack in content["stacks"]] == [["cnn"]]
    assert content["temperatures"]["cnn"] > 1.5
    before, after = content["figures"]["before"]["cnn"], content["figures"]["after"]["cnn"]
    assert after["accuracy"] == pytest.approx(before["accuracy"], abs=0.01)  # the medical ones together may pass a half
    assert after["ece"] < before["ece"]


def test_rows_that_a_member_was_not_asked_about_are_left_out(tmp_path: Path, data: Path) -> None:
    answer(tmp_path / "oof", 1.5, 1.0, seed=0)
    answer(tmp_path / "oof" / "clip", 1.5, 1.0, seed=1)
    (tmp_path / "oof" / "clip" / "2.npz").unlink()
    content = fit_ensemble(data, tmp_path / "oof", tmp_path / "ensemble.json")
    assert content["fitted_on"]["n"] == N * 2 // FOLDS
    assert content["fitted_on"]["folds"] == 2


@pytest.mark.parametrize("members", [(), ("clip", "kmeans")])
def test_without_the_cnns_predictions_nothing_is_fitted(tmp_path: Path, data: Path, members: tuple[str, ...]) -> None:
    for name in members:
        answer(tmp_path / "oof" / name, 1.5, 1.0, seed=0)
    with pytest.raises(NotFound, match=r"no predictions of the CNN .* `medlens train cnn --folds`"):
        fit_ensemble(data, tmp_path / "oof", tmp_path / "ensemble.json")
    assert not (tmp_path / "ensemble.json").exists()


def test_answers_to_other_images_are_refused(tmp_path: Path, data: Path) -> None:
    (tmp_path / "oof").mkdir()
    np.savez(tmp_path / "oof" / "0.npz", logits=np.zeros((1, 6), np.float32), indices=np.asarray([N]))
    with pytest.raises(RequestError, match="does not belong"):
        fit_ensemble(data, tmp_path / "oof", tmp_path / "ensemble.json")

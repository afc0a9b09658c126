import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from server.contract.errors import ModelError
from server.contract.modalities import MODALITIES
from server.models.calibration import CAUTIOUS, Thresholds
from server.models.ensemble import FORMAT, Ensemble, read_ensemble


def logits(*rows: list[float]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.asarray(rows, np.float32)


CT = [0.0, 6, 0, 0, 0, 0]
MRI = [0.0, 0, 6, 0, 0, 0]
SHRUG = [0.0] * 6


def content(members: list[str], weights: list[float], **more: Any) -> dict[str, Any]:
    stack = {"members": members, "weights": weights, "temperature": 1.0, "thresholds": {"all": 0.5}}
    return {"format": FORMAT, "modalities": list(MODALITIES), "temperatures": {"cnn": 1.0}, "stacks": [stack], **more}


def written(path: Path, what: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps(what))
    return path


def test_without_a_fitted_file_members_have_equal_weights_and_cautious_thresholds(tmp_path: Path) -> None:
    ensemble = read_ensemble(tmp_path / "none.json")
    prediction = ensemble.combine({"cnn": logits(CT), "clip": logits(MRI)})
    assert prediction.chances[0, 1] == pytest.approx(prediction.chances[0, 2])
    assert not prediction.sure[0]
    assert set(prediction.members) == {"cnn", "clip"}


def test_one_member_alone_speaks_for_all(tmp_path: Path) -> None:
    prediction = read_ensemble(tmp_path / "none.json").combine({"kmeans": logits(CT, MRI)})
    assert prediction.chances.argmax(axis=1).tolist() == [1, 2]
    np.testing.assert_allclose(prediction.chances, prediction.members["kmeans"], atol=1e-4)


def test_a_fitted_stack_weighs_its_members(tmp_path: Path) -> None:
    ensemble = read_ensemble(written(tmp_path / "ensemble.json", content(["clip", "cnn"], [0.1, 0.9])))
    prediction = ensemble.combine({"cnn": logits(CT), "clip": logits(MRI)})
    assert prediction.chances[0].argmax() == 1
    assert prediction.sure[0]


def test_members_no_stack_was_fitted_for_still_get_an_answer(tmp_path: Path) -> None:
    ensemble = read_ensemble(written(tmp_path / "ensemble.json", content(["clip", "cnn"], [0.1, 0.9])))
    prediction = ensemble.combine({"cnn": logits(CT), "clip": logits(CT), "vgg16": logits(SHRUG)})
    assert prediction.chances[0].argmax() == 1
    assert bool(prediction.sure[0]) == (prediction.chances.max() >= CAUTIOUS)


def test_the_users_own_thresholds_win(tmp_path: Path) -> None:
    path = written(tmp_path / "ensemble.json", content(["clip", "cnn"], [0.1, 0.9]))
    ensemble = read_ensemble(path, Thresholds.of({"all": 1}))
    assert not ensemble.combine({"cnn": logits(CT), "clip": logits(CT)}).sure[0]


def test_no_member_no_answer() -> None:
    with pytest.raises(ModelError, match="no ensemble member"):
        Ensemble().combine({})


@pytest.mark.parametrize(
    "broken",
    [
        {},
        content(["cnn"], [1.0], format=FORMAT + 1),
        content(["cnn"], [1.0], modalities=["cat", "dog"]),
        content(["cnn", "clip"], [1.0]),
        content(["cnn"], [1.0], temperatures=None),
        [],
    ],
)
def test_a_file_that_is_not_an_ensemble_is_refused(tmp_path: Path, broken: Any) -> None:
    with pytest.raises(ModelError, match="fit the ensemble again"):
        read_ensemble(written(tmp_path / "ensemble.json", broken))

"""A head refitted from corrections: better where people corrected, no worse on what ships, refused otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from server.contract.errors import ModelError, RequestError
from server.contract.modalities import MODALITIES
from server.models.calibration import answers, probabilities
from server.models.ensemble import Ensemble, read_ensemble
from server.models.ensembles import SHIPPED_FILE
from server.training.ensemble.fit_ensemble import FoldPredictions
from server.training.ensemble.refit import LEAST_CORRECTIONS, Corrected, refit, written
from server.training.ensemble.validation import SHIPPED_VALIDATION, read_validation, write_validation

NAMES = ("cnn",)
CT, OTHER = MODALITIES.index("ct"), MODALITIES.index("other_medical")


@pytest.fixture(scope="module")
def shipped() -> Ensemble:
    return read_ensemble(SHIPPED_FILE)


@pytest.fixture(scope="module")
def validation() -> FoldPredictions:
    return read_validation()


def taken(validation: FoldPredictions, shipped: Ensemble, rows: Any, labels: Any, names: tuple[str, ...] = NAMES) -> Corrected:
    """These shipped answers as if a person had met the images and said what they are."""
    chances = {name: probabilities(validation.logits[name][rows], shipped.temperatures[name]) for name in names}
    return Corrected(chances, np.asarray(labels, np.int64))


def unsure(validation: FoldPredictions, shipped: Ensemble, many: int) -> Any:
    """Rows that the review queue would show: those that the CNN is least sure of, spread over folds."""
    sure = probabilities(validation.logits["cnn"], shipped.temperatures["cnn"]).max(1)
    return np.argsort(sure)[: many * 5 : 5]


@pytest.mark.parametrize("names", [("cnn",), ("clip", "cnn", "kmeans")])
def test_right_labels_make_a_head_that_is_better(validation: FoldPredictions, shipped: Ensemble, names: tuple[str, ...]) -> None:
    rows = unsure(validation, shipped, 80)
    kept = np.setdiff1d(np.arange(len(validation.labels)), rows)
    result = refit(validation.only(kept), taken(validation, shipped, rows, validation.labels[rows], names), shipped, shipped)
    assert result.refusal is None
    assert result.corrections_after["log_loss"] < result.corrections_before["log_loss"]
    assert result.after["accuracy"] > result.before["accuracy"] - 0.0025
    assert result.stack.members == names
    again = Ensemble(shipped.temperatures, {frozenset(names): read_back(result.stack)})
    sure = again.combine({name: validation.logits[name][kept] for name in names})
    assert (sure.chances.argmax(1) == validation.labels[kept]).mean() == pytest.approx(result.after["accuracy"], abs=1e-3)


def read_back(stack: Any) -> Any:
    """The stack as its file gives it back."""
    from server.models.ensemble import _stack

    return _stack(json.loads(json.dumps(written(stack))))


def test_a_modality_that_is_always_mistaken_is_learned(validation: FoldPredictions, shipped: Ensemble) -> None:
    wrong = np.flatnonzero((validation.labels == OTHER) & (validation.logits["cnn"].argmax(1) != OTHER))[:60]
    result = refit(validation, taken(validation, shipped, wrong, validation.labels[wrong]), shipped, shipped)
    assert result.refusal is None
    assert result.corrections_after["accuracy"] > result.corrections_before["accuracy"]
    assert result.stack.bias[OTHER] == max(result.stack.bias)


def test_labels_that_contradict_everything_are_refused(validation: FoldPredictions, shipped: Ensemble) -> None:
    right = np.flatnonzero(validation.logits["cnn"].argmax(1) == validation.labels)[:60]
    result = refit(validation, taken(validation, shipped, right, (validation.labels[right] + 1) % 6), shipped, shipped)
    assert result.refusal


def test_too_few_corrections_and_unknown_members_are_refused(validation: FoldPredictions, shipped: Ensemble) -> None:
    rows = np.arange(LEAST_CORRECTIONS - 1)
    with pytest.raises(RequestError, match="are needed"):
        refit(validation, taken(validation, shipped, rows, validation.labels[rows]), shipped, shipped)
    alien = Corrected({"own": np.full((20, 6), 1 / 6, np.float32)}, np.zeros(20, np.int64))
    with pytest.raises(ModelError, match="own"):
        refit(validation, alien, shipped, shipped)


def test_the_shipped_answers_belong_to_the_shipped_ensemble(validation: FoldPredictions, shipped: Ensemble) -> None:
    """If this fails, the ensemble was fitted again without `medlens train ensemble`, which writes both files."""
    content = json.loads(SHIPPED_FILE.read_bytes())
    assert len(validation.labels) == content["fitted_on"]["n"]
    for name, block in content["figures"]["before"].items():
        right = (answers(probabilities(validation.logits[name])) == validation.labels).mean()
        assert right == pytest.approx(block["accuracy"], abs=5e-4), name
    assert SHIPPED_VALIDATION.stat().st_size < 600_000


def test_validation_data_is_what_was_written(tmp_path: Path, validation: FoldPredictions) -> None:
    some = validation.only(np.arange(50))
    write_validation(some, tmp_path / "v.safetensors")
    back = read_validation(tmp_path / "v.safetensors")
    assert list(back.origins) == list(some.origins)
    assert (back.labels == some.labels).all()
    np.testing.assert_allclose(back.logits["cnn"], some.logits["cnn"], atol=0.02)


@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_no_validation_data_says_so(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "v.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match="medlens train ensemble"):
        read_validation(path)

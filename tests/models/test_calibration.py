import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.contract.errors import SettingsError
from server.contract.modalities import MODALITIES
from server.models.calibration import (
    CAUTIOUS,
    LEAST_LOG_PROBABILITY,
    Thresholds,
    answers,
    log_probabilities,
    probabilities,
    read_thresholds,
)

rows = st.lists(st.floats(-200, 200, width=32), min_size=6, max_size=6)


@given(rows, st.floats(0.05, 20))
def test_probabilities_sum_to_one_and_keep_the_order_of_the_logits(row: list[float], temperature: float) -> None:
    logits = np.asarray([row], np.float32)
    chances = probabilities(logits, temperature)
    assert chances.sum() == pytest.approx(1, abs=1e-5)
    assert chances[0, logits.argmax()] == chances.max()


@given(rows)
def test_log_probabilities_never_veto(row: list[float]) -> None:
    logs = log_probabilities(np.asarray([row], np.float32))
    assert (logs >= LEAST_LOG_PROBABILITY).all()
    assert (logs <= 0).all()


def test_a_higher_temperature_is_humbler() -> None:
    logits = np.asarray([[4, 1, 0, 0, 0, 0]], np.float32)
    assert probabilities(logits, 3).max() < probabilities(logits, 1).max() < probabilities(logits, 0.5).max()


def test_the_answer_is_medical_when_the_medical_modalities_together_say_so() -> None:
    chances = np.asarray([[0.1, 0.3, 0.2, 0, 0, 0.4], [0.1, 0.3, 0, 0, 0, 0.6], [0.5, 0, 0, 0, 0, 0.5]], np.float32)
    assert answers(chances).tolist() == [1, 5, 0]


def test_medical_and_the_modality_are_sure_by_two_thresholds() -> None:
    thresholds = Thresholds.of({"medical": 0.9, "all": 0.7})
    chances = np.asarray(
        [[0, 0.8, 0.15, 0, 0, 0.05], [0, 0.5, 0.45, 0, 0, 0.05], [0, 0.85, 0, 0, 0, 0.15], [0, 0.05, 0, 0, 0, 0.95]], np.float32
    )
    assert thresholds.medical_sure(chances).tolist() == [True, True, False, True]
    assert thresholds.sure(chances).tolist() == [True, False, False, True]


def test_each_answer_has_its_own_threshold() -> None:
    thresholds = Thresholds.of({"ct": 0.9, "all": 0.5, "medical": 0})
    chances = np.asarray([[0.7, 0.3, 0, 0, 0, 0], [0.3, 0.7, 0, 0, 0, 0], [0, 0.95, 0.05, 0, 0, 0]], np.float32)
    assert thresholds.sure(chances).tolist() == [True, False, True]


def test_thresholds_not_named_are_cautious() -> None:
    assert Thresholds.of({"ct": 0.5}).least[MODALITIES.index("mri")] == CAUTIOUS


@pytest.mark.parametrize("content", ['{"brain": 0.9}', '{"ct": "high"}', '{"ct": 1.5}', '{"ct": true}', "[0.9]", "{not json"])
def test_thresholds_that_cannot_be_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "thresholds.json"
    path.write_text(content)
    with pytest.raises(SettingsError):
        read_thresholds(path)


def test_a_missing_thresholds_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="MEDLENS_THRESHOLDS"):
        read_thresholds(tmp_path / "none.json")


def test_thresholds_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.json"
    path.write_text(json.dumps({"all": 0.75}))
    assert read_thresholds(path).least == (0.75,) * 6

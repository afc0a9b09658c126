from typing import Any

import numpy as np
import pytest

from server.classify.decide import decide, figure, most_surely_medical, named_by_panels
from server.contract.modalities import MODALITIES
from server.models.ensemble import Prediction
from server.models.parts import Figure

Array = np.ndarray[Any, np.dtype[np.float32]]


def row(**chances: float) -> Array:
    rest = (1 - sum(chances.values())) / (6 - len(chances))
    return np.asarray([[chances.get(modality, rest) for modality in MODALITIES]], np.float32)


def prediction(chances: Array, sure: bool = True, medical_sure: bool = True, **members: Array) -> Prediction:
    return Prediction(chances, members, np.asarray([medical_sure] * len(chances)), np.asarray([sure] * len(chances)))


def test_the_likeliest_modality_is_the_answer() -> None:
    (verdict,) = decide(prediction(row(ct=0.9), cnn=row(ct=0.8)), "v1")
    assert (verdict.modality, verdict.is_medical, verdict.uncertain, verdict.agree) == ("ct", True, False, True)
    assert verdict.confidence == pytest.approx(0.9, abs=1e-6)
    assert sum(verdict.probabilities.values()) == pytest.approx(1, abs=1e-12)
    assert sum(verdict.members["cnn"].values()) == pytest.approx(1, abs=1e-12)
    assert verdict.model_version == "v1"


def test_medical_follows_the_sum_of_the_medical_modalities() -> None:
    (verdict,) = decide(prediction(row(ct=0.3, mri=0.29, non_medical=0.4)), "v1")
    assert (verdict.modality, verdict.is_medical, verdict.contains) == ("ct", True, ("ct",))
    assert verdict.medical.probability == pytest.approx(0.6, abs=1e-6)


def test_an_image_that_is_not_medical_contains_nothing() -> None:
    (verdict,) = decide(prediction(row(non_medical=0.9)), "v1")
    assert (verdict.modality, verdict.is_medical, verdict.contains) == ("non_medical", False, ())


def test_an_unsure_modality_leaves_its_rival_open() -> None:
    (verdict,) = decide(prediction(row(ct=0.5, mri=0.4), sure=False), "v1")
    assert (verdict.uncertain, verdict.medical.sure, verdict.open) == (True, True, "mri")


def test_what_a_sure_medical_rules_out_is_not_left_open() -> None:
    chances = row(ct=0.6, non_medical=0.3)
    assert decide(prediction(chances, sure=False), "v1")[0].open is None
    assert decide(prediction(chances, sure=False, medical_sure=False), "v1")[0].open == "non_medical"


def test_a_sure_answer_and_a_faint_rival_leave_nothing_open() -> None:
    assert decide(prediction(row(ct=0.5, mri=0.4)), "v1")[0].open is None
    assert decide(prediction(row(ct=0.95, mri=0.03), sure=False), "v1")[0].open is None


def test_members_that_are_sure_of_different_things_disagree() -> None:
    (verdict,) = decide(prediction(row(ct=0.6), cnn=row(ct=0.9), clip=row(mri=0.9)), "v1")
    assert not verdict.agree


def test_a_member_without_an_prediction_does_not_disagree() -> None:
    (verdict,) = decide(prediction(row(ct=0.9), cnn=row(ct=0.9), clip=row(mri=0.4)), "v1")
    assert verdict.agree


def test_the_most_surely_medical_panel_is_found() -> None:
    rows = np.concatenate([row(non_medical=0.9), row(ct=0.7, non_medical=0.2), row(mri=0.8, non_medical=0.01)])
    verdicts = decide(prediction(rows), "v1")
    best = most_surely_medical(verdicts)
    assert best is not None
    assert best.modality == "mri"


def test_a_figure_is_its_most_surely_medical_panel_and_contains_what_its_panels_are_sure_of() -> None:
    rows = np.concatenate([row(mri=0.99), row(non_medical=0.9), row(ct=0.98, non_medical=0.015)])
    (unsure,) = decide(prediction(row(xray=0.5, ultrasound=0.4), sure=False), "v1")
    (whole,) = decide(prediction(row(non_medical=0.9)), "v1")
    whole_figure = figure([*decide(prediction(rows), "v1"), unsure], whole)
    assert (whole_figure.modality, whole_figure.is_medical, whole_figure.contains) == ("mri", True, ("ct", "mri"))


def test_a_surely_medical_panel_outvotes_a_whole_that_is_surely_not() -> None:
    (panel,) = decide(prediction(row(ct=0.5, mri=0.48), sure=False), "v1")
    (whole,) = decide(prediction(row(non_medical=0.9)), "v1")
    assert figure([panel], whole) == panel
    (sure_scan,) = decide(prediction(row(ct=0.99)), "v1")
    assert figure([panel], sure_scan) == sure_scan
    (doubtful,) = decide(prediction(row(ct=0.5, non_medical=0.3), sure=False, medical_sure=False), "v1")
    assert figure([doubtful], whole) == whole


def test_panels_help_to_name_a_figure_that_its_parts_leave_open() -> None:
    (whole,) = decide(prediction(row(ct=0.6, mri=0.35, non_medical=0.03), sure=False, medical_sure=False), "v1")
    rows = np.concatenate([row(mri=0.95, ct=0.04), row(mri=0.7, ct=0.2), row(non_medical=0.99)])
    panels = decide(prediction(rows, sure=False), "v1")
    named = named_by_panels(panels, whole)
    assert (named.modality, named.sure, named.medical.sure, named.is_medical) == ("mri", False, True, True)
    assert named.medical.probability == whole.medical.probability
    assert sum(named.probabilities.values()) == pytest.approx(1)
    assert named.confidence == named.probabilities["mri"]
    assert list(named.probabilities) == list(MODALITIES)


def test_a_sure_panel_names_the_figure_and_a_sure_whole_stays() -> None:
    (whole,) = decide(prediction(row(ct=0.6, mri=0.35, non_medical=0.03), sure=False), "v1")
    (panel,) = decide(prediction(row(mri=0.99)), "v1")
    named = named_by_panels([panel], whole)
    assert (named.modality, named.sure, named.contains) == ("mri", True, ("mri",))
    (sure_whole,) = decide(prediction(row(ct=0.99)), "v1")
    kept = named_by_panels([panel], sure_whole)
    assert (kept.modality, kept.sure, kept.probabilities) == ("ct", True, sure_whole.probabilities)
    assert set(kept.contains) == {"ct", "mri"}


def test_a_sure_panel_of_a_figure_that_may_not_be_medical_makes_nothing_sure() -> None:
    (whole,) = decide(prediction(row(ct=0.6, mri=0.25, non_medical=0.1), sure=False, medical_sure=False), "v1")
    (panel,) = decide(prediction(row(mri=0.99)), "v1")
    named = named_by_panels([panel], whole)
    assert (named.modality, named.sure, named.medical) == ("mri", False, whole.medical)


def test_a_figure_contains_what_its_parts_and_a_panel_find() -> None:
    read = Figure(0.97, row(mri=0.5, ct=0.45)[0], ("xray", "ct", "mri"), ((0, 0, 0.5, 1), (0.5, 0, 0.5, 1)))
    (whole,) = decide(prediction(row(mri=0.5, ct=0.45), sure=False), "v1", [read])
    assert set(whole.contains) == {"xray", "ct", "mri"}
    panels = decide(prediction(np.concatenate([row(mri=0.9), row(ct=0.7), row(xray=0.4, ct=0.3)]), sure=False), "v1")
    assert set(named_by_panels(panels, whole).contains) == {"ct", "mri"}


def test_without_a_medical_panel_a_figure_is_what_its_parts_say() -> None:
    (whole,) = decide(prediction(row(ct=0.6, mri=0.35), sure=False), "v1")
    others = decide(prediction(row(non_medical=0.9)), "v1")
    assert named_by_panels(others, whole) == whole
    assert named_by_panels([], whole) == whole


def test_no_medical_panel_no_winner() -> None:
    assert most_surely_medical(decide(prediction(row(non_medical=0.9)), "v1")) is None


def test_one_verdict_a_row_in_order() -> None:
    rows = np.concatenate([row(**{modality: 0.9}) for modality in MODALITIES])
    assert tuple(verdict.modality for verdict in decide(prediction(rows), "v1")) == MODALITIES

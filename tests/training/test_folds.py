"""Whole origins on one side, related ones together, every class in every fold, the same folds each time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.contract.modalities import MODALITIES
from server.training.data.dataset import Row, read_rows
from server.training.data.folds import FOLDS, fold_of, part_of, unit_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kaggle-navoneel-brain-mri", "kaggle-brain-tumor-mri-sartaj"),
        ("cohen-covid-chestxray", "ucsd-covid-ct"),
        ("openstax-anatomy", "openstax-textbooks"),
        ("MSD-lung", "MSD-heart-left-atrium"),
        ("mask-kneebones3dify", "mask-nerve"),
        ("pocus-neuruppin", "pocus-web-literature"),
        ("cvc-endoscenestill", "cvc-colondb"),
        ("isic-2017", "HAM10000-part-1"),
    ],
)
def test_related_origins_are_one_unit(one, other):
    assert unit_of(one) == unit_of(other)


def test_others_stand_alone():
    assert unit_of("BUSI") == "BUSI"
    assert unit_of("BUSI") != unit_of("BUS-UC")


def test_particulars_of_a_kind_are_left_out():
    assert part_of("chest (paediatric)") == "chest"
    assert part_of("hip axial") == "hip"
    assert part_of("photo_gray") == "photo_gray"


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(MODALITIES), st.integers(0, 9)), min_size=1, max_size=60))
def test_no_origin_is_in_two_folds(drawn):
    rows = [Row(None, label, "k", f"origin-{number}") for label, number in drawn]
    folds = fold_of(rows)
    assert len(folds) == len(rows)
    assert set(folds.tolist()) <= set(range(FOLDS))
    seen = {}
    for row, fold in zip(rows, folds, strict=True):
        assert seen.setdefault(row.origin, fold) == fold
    np.testing.assert_array_equal(folds, fold_of(rows))


def test_every_class_is_in_every_fold_of_the_labelled_images(shared):
    rows = read_rows(shared / "data")
    folds = fold_of(rows)
    for fold in range(FOLDS):
        assert {row.label for row, at in zip(rows, folds, strict=True) if at == fold} == set(MODALITIES)
        assert 0.1 < (folds == fold).mean() < 0.3
    by_unit = {}
    for row, fold in zip(rows, folds, strict=True):
        assert by_unit.setdefault(unit_of(row.origin), fold) == fold

"""Draws: classes by share, large origins damped, the same plan for the same seed."""

from collections import Counter

import numpy as np
import pytest

from server.training.data.dataset import Row
from server.training.data.sampling import DRAWN, DRAWN_KIND, draw_weights, kind_names, pass_over, plan

ROWS = (
    [Row(None, "ct", "chest", "large")] * 400
    + [Row(None, "ct", "chest", "small")] * 4
    + [Row(None, "xray", "hand", "hands")] * 10
    + [Row(None, "non_medical", "photo", f"mask-{i}") for i in range(86)]
)


def test_classes_get_their_shares():
    weights = draw_weights(ROWS, non_medical_share=0.4)
    labels = np.array([row.label for row in ROWS])
    assert weights.sum() == pytest.approx(1)
    assert weights[labels == "non_medical"].sum() == pytest.approx(0.4)
    assert weights[labels == "ct"].sum() == pytest.approx(0.3)
    assert weights[labels == "xray"].sum() == pytest.approx(0.3)


def test_an_origin_counts_by_the_root_of_its_size():
    weights = draw_weights(ROWS, 0.4)
    assert weights[:400].sum() / weights[400:404].sum() == pytest.approx(10)


def test_without_negatives_the_classes_share_evenly():
    weights = draw_weights(ROWS[:414], 0.4)
    assert weights[:404].sum() == pytest.approx(0.5)


def test_a_plan_follows_the_weights_and_its_seed():
    weights = draw_weights(ROWS, 0.4)
    order = plan(weights, 1000, 0.1, seed=3)
    np.testing.assert_array_equal(order, plan(weights, 1000, 0.1, seed=3))
    assert not np.array_equal(order, plan(weights, 1000, 0.1, seed=4))
    assert (order == DRAWN).sum() == 100
    shown = Counter(ROWS[i].label for i in order if i != DRAWN)
    assert shown["non_medical"] == pytest.approx(360, abs=15)
    assert shown["xray"] == pytest.approx(270, abs=15)


def test_a_pass_shows_each_once():
    assert sorted(pass_over(50, 1).tolist()) == list(range(50))


def test_kinds_are_named_with_their_label():
    assert kind_names(ROWS) == ("ct/chest", DRAWN_KIND, "non_medical/photo", "xray/hand")

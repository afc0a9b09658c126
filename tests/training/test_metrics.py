"""Figures against numbers worked out by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from server.contract.modalities import MODALITIES
from server.training import metrics


def some(seed=0, n=400):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 6, n)
    logits = rng.normal(size=(n, 6)) + np.eye(6)[labels] * 1.5
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return probabilities, labels


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=50))
def test_auroc_is_scikit_learns(pairs):
    truth, score = np.array([p for p, _ in pairs]), np.array([float(s) for _, s in pairs])
    if truth.all() or not truth.any():
        assert metrics.auroc(truth, score) is None
    else:
        assert metrics.auroc(truth, score) == pytest.approx(roc_auc_score(truth, score))


def test_the_block_has_the_contracts_names_and_scikit_learns_numbers():
    probabilities, labels = some()
    block = metrics.figures(probabilities, labels, np.zeros(len(labels), bool))
    assert set(block) >= {"n", "accuracy", "balanced_accuracy", "macro_f1", "per_class", "medical", "five_class", "ece"}
    assert set(block) >= {"abstained", "accuracy_when_sure"}
    assert set(block["medical"]) >= {"auroc", "precision", "recall", "f1", "fpr_at_95_recall"}
    predicted = np.where(probabilities[:, :5].sum(1) >= 0.5, probabilities[:, :5].argmax(1), 5)
    assert block["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, predicted))
    assert block["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert block["accuracy_when_sure"] == block["accuracy"]
    assert set(block["per_class"]) == set(MODALITIES)


def test_accuracy_when_sure_leaves_out_who_abstains():
    probabilities = np.eye(6)[[0, 1, 2, 3]]
    block = metrics.figures(probabilities, np.array([0, 1, 2, 4]), np.array([False, False, False, True]))
    assert (block["abstained"], block["accuracy_when_sure"], block["accuracy"]) == (0.25, 1.0, 0.75)


def test_false_positive_rate_at_recall():
    truth = np.array([True] * 100 + [False] * 10)
    score = np.concatenate([np.linspace(0.5, 1, 100), [0.9, 0.4, 0.3, 0.2, 0.1, 0, 0, 0, 0, 0.52]])
    assert metrics.fpr_at_recall(truth, score, 0.95) == pytest.approx(0.1)
    assert metrics.fpr_at_recall(truth, score, 0.99) == pytest.approx(0.2)
    assert metrics.fpr_at_recall(truth[:100], score[:100], 0.95) is None


def test_calibration_error_of_the_sure_and_wrong():
    assert metrics.expected_calibration_error(np.full(10, 0.9), np.ones(10, bool)) == pytest.approx(0.1)
    assert metrics.expected_calibration_error(np.ones(4), np.array([True, True, False, False])) == pytest.approx(0.5)


def test_five_classes_leave_other_medical_out():
    other, non = MODALITIES.index("other_medical"), MODALITIES.index("non_medical")
    probabilities = np.zeros((2, 6))
    probabilities[:, other], probabilities[:, non] = 0.6, 0.4
    block = metrics.figures(probabilities, np.array([other, non]))
    assert block["five_class"] == {"accuracy": 1.0, "n": 1}


def test_confusion_counts_truth_by_row():
    counts = metrics.confusion(np.eye(6)[[1, 1, 2]], np.array([1, 0, 2]))
    assert counts[0, 1] == counts[1, 1] == counts[2, 2] == 1
    assert counts.sum() == 3


def test_origins_too_small_are_left_out():
    probabilities, labels = np.eye(6)[[0] * 20 + [1] * 5], np.array([0] * 19 + [1] + [1] * 5)
    lines = metrics.per_origin(probabilities, labels, ["a"] * 20 + ["b"] * 5, least=19)
    assert [(line["origin"], line["n"], line["accuracy"]) for line in lines] == [("a", 19, 1.0)]


def test_the_interval_is_over_whole_origins():
    right = np.array([1.0] * 50 + [0.0] * 50)
    low, high = metrics.interval(lambda at: float(right[at].mean()), ["a"] * 50 + ["b"] * 50)
    assert (low, high) == (0.0, 1.0)
    assert metrics.interval(lambda at: None, ["a", "b"]) is None

from typing import Any

import numpy as np
import pytest

from server.models.calibration import LEAST_LOG_PROBABILITY, log_probabilities, probabilities
from server.training.ensemble.stacking import (
    LEAST_SURE,
    NEVER,
    TO_EQUAL,
    fit_stack,
    fit_temperature,
    fit_thresholds,
    origin_weights,
)

Array = np.ndarray[Any, Any]
N = 3000


def world(seed: int = 0) -> tuple[Array, Array]:
    """Logits that are honest (temperature 1) about labels drawn from them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (N, 6)).astype(np.float32)
    chances = probabilities(logits).astype(np.float64)
    labels = (chances.cumsum(axis=1) > rng.random((N, 1))).argmax(axis=1)
    return logits, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(temperature: float) -> None:
    logits, labels = world()
    assert fit_temperature(logits * temperature, labels) == pytest.approx(temperature, rel=0.08)


def test_weights_decide_which_rows_count() -> None:
    logits, labels = world()
    loud = np.concatenate([logits, logits * 5])
    first = np.repeat([1.0, 1e-9], N)
    assert fit_temperature(loud, np.tile(labels, 2), first) == pytest.approx(1, rel=0.08)
    assert fit_temperature(loud, np.tile(labels, 2), first[::-1]) == pytest.approx(5, rel=0.08)


def test_a_member_that_knows_outweighs_one_that_guesses() -> None:
    logits, labels = world()
    guesses = np.random.default_rng(9).normal(0, 2, (N, 6)).astype(np.float32)
    stack = fit_stack({"knows": log_probabilities(logits), "guesses": log_probabilities(guesses)}, labels)
    weights = dict(zip(stack.members, stack.weights, strict=True))
    assert weights["knows"] == pytest.approx(1 - TO_EQUAL / 2, abs=0.1)  # 1 and 0 as fitted, then drawn towards one half
    assert weights["guesses"] == pytest.approx(TO_EQUAL / 2, abs=0.05)


def test_two_views_of_one_thing_are_better_than_each() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 6, N)
    views = {name: (np.eye(6)[labels] * 2 + rng.normal(0, 1.5, (N, 6))).astype(np.float32) for name in ("one", "two")}
    logs = {name: log_probabilities(view) for name, view in views.items()}
    together = (fit_stack(logs, labels).chances(logs).argmax(axis=1) == labels).mean()
    assert together > max((view.argmax(axis=1) == labels).mean() for view in views.values()) + 0.03


def test_a_member_alone_is_only_tempered() -> None:
    logits, labels = world()
    logs = {"cnn": log_probabilities(logits * 3)}
    stack = fit_stack(logs, labels)
    unfloored = (logs["cnn"] > LEAST_LOG_PROBABILITY).all(axis=1)
    assert stack.weights[0] == pytest.approx(1 / 3, rel=0.1)
    assert (stack.chances(logs).argmax(axis=1) == logits.argmax(axis=1))[unfloored].all()


@pytest.mark.parametrize("accuracy", [0.9, 0.97, 0.995])
def test_sure_answers_are_as_right_as_was_asked(accuracy: float) -> None:
    logits, labels = world()
    chances = probabilities(logits)
    sure = fit_thresholds(chances, labels, accuracy).sure(chances)
    right = chances.argmax(axis=1) == labels
    assert right[sure].mean() >= accuracy
    assert sure.any()


def test_asking_less_abstains_less() -> None:
    logits, labels = world()
    chances = probabilities(logits)
    shares = [fit_thresholds(chances, labels, accuracy).sure(chances).mean() for accuracy in (0.85, 0.95, 0.99)]
    assert shares == sorted(shares, reverse=True)


def test_members_that_are_always_wrong_are_never_sure() -> None:
    chances = np.tile(np.asarray([[0.9, 0.1, 0, 0, 0, 0]], np.float32), (50, 1))
    assert fit_thresholds(chances, np.full(50, 1)).least == (NEVER,) * 6


def test_nothing_below_one_half_is_sure_however_right() -> None:
    chances = np.tile(np.asarray([[0.4, 0.3, 0.3, 0, 0, 0]], np.float32), (50, 1))
    thresholds = fit_thresholds(chances, np.zeros(50, np.int64))
    assert not thresholds.sure(chances).any()
    assert min(thresholds.least) >= LEAST_SURE


def test_a_large_origin_does_not_rule_its_class() -> None:
    labels = np.asarray([0] * 110 + [1] * 10)
    weights = origin_weights(["large"] * 100 + ["small"] * 10 + ["other"] * 10, labels)
    assert weights[labels == 0].sum() == pytest.approx(110)
    assert weights[:100].sum() / weights[100:110].sum() == pytest.approx(10**0.5)

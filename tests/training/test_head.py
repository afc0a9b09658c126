"""The heads: right on what is separable, scaling undone, several at once as good as one by one, weights obeyed."""

import numpy as np
import pytest

from server.training.cnn.head import fit_heads


@pytest.fixture
def apart() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 60)
    deep = rng.normal(0, 1, (120, 8)) + labels[:, None]
    textures = rng.normal(50, 20, (120, 3)) - 15 * labels[:, None]
    return np.concatenate([deep, textures], 1).astype(np.float32), labels


def test_a_head_reads_features_as_they_are(apart: tuple[np.ndarray, np.ndarray]) -> None:
    features, labels = apart
    heads = fit_heads(features, labels, np.full((120, 1), 1 / 120), 2, deep=8)
    assert (heads.logits(features).argmax(1) == labels).mean() > 0.9


def test_two_heads_at_once_are_what_each_is_alone(apart: tuple[np.ndarray, np.ndarray]) -> None:
    features, labels = apart
    left = np.where(np.arange(120) % 2, 1 / 60, 0.0)
    both = fit_heads(features, labels, np.stack([left, left[::-1]], 1), 2, deep=8, iterations=200)
    for number, weights in enumerate((left, left[::-1])):
        alone = fit_heads(features, labels, weights[:, None], 2, deep=8, iterations=200)
        np.testing.assert_allclose(both.logits(features, number), alone.logits(features), atol=0.15)


def test_rows_without_weight_teach_nothing(apart: tuple[np.ndarray, np.ndarray]) -> None:
    features, labels = apart
    lied = labels.copy()
    lied[::2] = 1 - lied[::2]
    weights = np.where(np.arange(120) % 2, 1 / 60, 0.0)[:, None]
    heads = fit_heads(features, lied, weights, 2, deep=8)
    assert (heads.logits(features).argmax(1) == labels).mean() > 0.85


def test_every_pass_is_told(apart: tuple[np.ndarray, np.ndarray]) -> None:
    told: list[tuple[int, int]] = []
    fit_heads(*apart, np.full((120, 1), 1 / 120), 2, deep=8, iterations=5, progress=lambda *said: told.append(said))
    assert told[0] == (1, 5)

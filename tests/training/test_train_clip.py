"""The projection learns to put images near their words, K-Means finds the groups, and the judge counts as it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from server.contract.modalities import MODALITIES
from server.models.clip import CompactClip, unit
from server.models.compact import SHIPPED_CLIP
from server.models.kmeans import KMeansModel
from server.training.clip.clip_file import stored
from server.training.clip.judge_clip import FIRST, Query, queries, retrieval, summary, zero_shot_figures
from server.training.clip.run_clip import cross_validate, kept_text
from server.training.clip.train_clip import Captioned, Recipe, drawing_weights, fit_projection
from server.training.data.dataset import Row
from server.training.ensemble.fit_kmeans import cluster

KINDS = 6
EACH = 40
HALF = KINDS * EACH // 2


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return [Row(Path(f"{i}.png"), MODALITIES[i % KINDS], origin=f"o{i % 12}") for i in range(KINDS * EACH)]


@pytest.fixture(scope="module")
def features(rows: list[Row]) -> np.ndarray:
    """A cloud of features around one middle for each modality."""
    rng = np.random.default_rng(0)
    middles = rng.normal(1, 1, (KINDS, 1280))
    return np.stack([middles[MODALITIES.index(row.label)] + rng.normal(0, 0.7, 1280) for row in rows]).astype(np.float32)


@pytest.fixture(scope="module")
def captions(rows: list[Row]) -> Captioned:
    vectors = unit(np.random.default_rng(1).normal(size=(KINDS * 2, 384)).astype(np.float32))
    vectors[1::2] = unit(vectors[::2] + 0.02 * vectors[1::2])  # each modality is said in two ways that mean nearly the same
    return Captioned(vectors, [np.array([2 * MODALITIES.index(row.label), 2 * MODALITIES.index(row.label) + 1]) for row in rows])


def test_images_come_to_lie_by_their_captions(rows: list[Row], features: np.ndarray, captions: Captioned) -> None:
    chosen = np.arange(HALF)
    steps: list[int] = []
    recipe = Recipe(steps=60, batch=48)
    fitted = stored(fit_projection(features, rows, captions, chosen, recipe, lambda step, *_: steps.append(step)))
    images = CompactClip(fitted.tensors, None, fitted.scale).project(features[HALF:])  # type: ignore[arg-type]
    words = unit(captions.vectors[::2] @ fitted.tensors["text.proj.weight"].T)
    right = (images @ words.T).argmax(1) == [MODALITIES.index(row.label) for row in rows[HALF:]]
    assert right.mean() > 0.9
    assert steps == list(range(1, 61))


def test_small_folds_without_medical_images_are_measured_too(
    rows: list[Row], features: np.ndarray, captions: Captioned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.training.clip.run_clip.points_of", lambda *_: None)  # needs ImageNet's own last layer
    fold = np.array([int(row.label != "non_medical") for row in rows])
    lines: list[str] = []
    result = cross_validate(
        rows, {0: features, 1: features}, fold, captions, kept_text(SHIPPED_CLIP), np.zeros((len(rows), 1000), np.float32),
        Recipe(steps=2, batch=12), lines.append,
    )  # fmt: skip
    assert lines[0] == "fold 0: 1 of 2 steps"
    measured = [line for line in lines if line.startswith("fold") and "{" in line]
    assert ["'auroc': None" in line for line in measured] == [True, True]
    assert result.retrieval["queries"] == 0
    assert zero_shot_figures(result.logits, rows) == result.zero_shot


def test_labels_are_drawn_evenly_and_big_origins_by_their_root() -> None:
    many = (
        [Row(Path("a"), "ct", origin="big")] * 400
        + [Row(Path("b"), "ct", origin="small")] * 4
        + [Row(Path("c"), "mri", origin="x")] * 9
    )
    weights = drawing_weights(many, np.arange(len(many)))
    assert weights.sum() == pytest.approx(1)
    assert weights[:404].sum() == pytest.approx(weights[404:].sum())
    assert weights[:400].sum() / weights[400:404].sum() == pytest.approx(10)


def test_clusters_are_found_without_labels_and_mixed_by_them(rows: list[Row], features: np.ndarray) -> None:
    labels = np.array([MODALITIES.index(row.label) for row in rows])
    model = KMeansModel(*cluster(features, rows, labels, np.arange(HALF), 12), sharpness=16.0)
    assert model.centres.shape[0] == 12
    assert np.allclose(model.mix.sum(1), 1)
    assert (model.chances(features[HALF:]).argmax(1) == labels[HALF:]).mean() > 0.95


def test_precision_is_of_the_first_page_and_beside_chance() -> None:
    rows = [Row(Path("a"), "ct", kind="chest")] * 30 + [Row(Path("b"), "mri", kind="knee joint")] * 70
    asked = [Query("lungs", label="ct"), Query("knees", kind="^knee"), Query("none", label="xray")]
    similar = np.zeros((100, 3), np.float32)
    similar[:30, 0] = 1  # found at once
    similar[:30, 1] = 1  # quite wrong
    found = retrieval(similar, asked, rows, np.zeros(100, np.int64))
    assert [one["query"] for one in found] == ["lungs", "knees"]
    assert (found[0]["precision"], found[0]["chance"], found[0]["auroc"]) == (1.0, 0.3, 1.0)
    assert (found[1]["precision"], found[1]["auroc"]) == (0.0, 0.0)
    assert summary(found)["failing"] == ["knees (0.00)"]
    assert FIRST == 20


def test_there_are_sixty_queries_that_no_caption_says() -> None:
    asked = queries()
    assert len({query.text for query in asked}) == len(asked) >= 60


@pytest.mark.shared
def test_no_query_is_a_caption_and_each_has_images(shared: Path) -> None:
    from server.training.clip.judge_clip import LEAST_RELEVANT
    from server.training.clip.texts import caption_texts
    from server.training.data.dataset import read_rows

    rows = read_rows(shared / "data")
    captions_of_rows = {text.lower() for text in caption_texts(rows)}
    for query in queries():
        assert query.text.lower() not in captions_of_rows
        assert sum(query.fits(row) for row in rows) >= LEAST_RELEVANT, query.text

"""Lines of one colour, with and without labels in them, and the seam between two textures."""

from __future__ import annotations

import numpy as np

from server.panels.gutters import near, runs, seams


def noise(height: int, width: int, seed: int, mean: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.clip(np.random.default_rng(seed).normal(mean, 25, (height, width)), 0, 255).astype(np.uint8)


def test_a_gutter_is_found_despite_a_label_and_not_despite_a_caption() -> None:
    page = noise(90, 200, 1, 120)
    page[40:50] = 255
    page[42:48, 90:98] = 0
    assert [(run.start, run.stop, run.colour) for run in runs(page)] == [(40, 50, 255)]
    page[42:48, 60:150] = 0
    assert [(run.start, run.stop) for run in runs(page)] == [(40, 42), (48, 50)]


def test_runs_of_different_colours_are_separate() -> None:
    page = noise(60, 100, 2, 120)
    page[20:25], page[25:30] = 255, 0
    assert [run.colour for run in runs(page)] == [255, 0]
    assert runs(page)[0].width == 5


def test_near_does_not_wrap_around() -> None:
    grey = np.array([[0, 10, 245, 255]], np.uint8)
    assert near(grey, 0).tolist() == [[True, True, False, False]]
    assert near(grey, 255).tolist() == [[False, False, True, True]]


def test_a_seam_is_found_within_a_line_and_a_slope_is_none() -> None:
    smooth = np.tile(np.linspace(60, 120, 160).astype(np.uint8), (100, 1)).T
    joined = np.concatenate([smooth, 255 - smooth])
    assert seams(joined, 30) == [160]
    assert seams(smooth, 30) == []
    assert seams(joined[:, :10], 30) == [], "too short to judge"
    assert seams(joined, 170) == [], "too near an end"

"""Finds what separates the panels of a figure: gutters of one colour, and seams where two images meet without any.

Works on the rows of grey arrays; for columns pass the transpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Grey: TypeAlias = NDArray[np.uint8]

# Grey levels around a gutter's colour. JPEG at quality 66 rings by about this much beside a strong edge.
TOLERANCE = 14
# Of a line's pixels: a label such as "(a)" beside or across a gutter takes a twentieth of a figure's height.
CLEAN_SHARE = 0.94
# Pixels sampled in each line first; only lines whose samples are uniform are read in full.
SAMPLES = 24
# Of the samples on both sides that may be a label's.
STRAY_SAMPLES = 2

# A seam: the step between neighbouring lines must stand out in this share of so many stretches of its length.
SEAM_SHARE = 0.8
STRETCHES = 24
# Of a stretch's pixels whose step must stand out: where two scans are equally dark there is none.
STRETCH_SHARE = 0.4
# Pixels of each line that are enough to preselect lines.
THINNED = 128
# Grey levels between two lines; below, noise and JPEG blocks make steps as well.
MIN_STEP = 7
# How much larger than the steps around it a seam's step must be. Texture alone stays below.
STANDS_OUT = 2.2
# Lines on each side a seam is compared with.
AROUND = 6


@dataclass(frozen=True, slots=True)
class Run:
    """Lines `start` to `stop` (exclusive) all in one `colour`."""

    start: int
    stop: int
    colour: int

    @property
    def width(self) -> int:
        return self.stop - self.start


def runs(view: Grey, share: float = CLEAN_SHARE) -> list[Run]:
    """Stretches of lines that are of one colour over their full extent, but for a few pixels; in order, at both ends too."""
    colours, clean = _uniform(view, share)
    breaks = (clean[1:] != clean[:-1]) | (np.abs(np.diff(colours.astype(np.int16))) > TOLERANCE)
    edges = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(clean)]
    return [Run(a, b, int(np.median(colours[a:b]))) for a, b in pairwise(edges) if clean[a]]


def near(view: Grey, colour: int, tolerance: int = TOLERANCE) -> NDArray[np.bool_]:
    """Where a grey array is of this colour."""
    low, high = max(0, colour - tolerance), min(255, colour + tolerance)
    return (view - np.uint8(low)) <= np.uint8(high - low)


def seams(view: Grey, margin: int) -> list[int]:
    """Lines before which one image ends and another begins, strongest first, none nearer than `margin` to an end or another."""
    count, length = view.shape
    if count < 2 * margin or length < STRETCHES:
        return []
    thin = view[:, :: max(1, length // THINNED)].astype(np.int16)
    profile = np.minimum(np.abs(thin[1:] - thin[:-1]), 64).mean(1, dtype=np.float32)
    padded = np.pad(profile, AROUND, mode="reflect")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1), axis=1)
    lines = np.flatnonzero((profile >= MIN_STEP) & (profile >= STANDS_OUT * around))
    strength = profile[lines] / np.maximum(around[lines], 1)
    chosen: list[int] = []
    for line in lines[np.argsort(-strength, kind="stable")]:
        at = int(line) + 1
        if not margin <= at <= count - margin or any(abs(at - other) < margin for other in chosen):
            continue
        if _is_seam(view, int(line)):
            chosen.append(at)
    return chosen


def _uniform(view: Grey, share: float) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    length = view.shape[1]
    at = np.linspace(0, length - 1, min(SAMPLES, length)).astype(np.intp)
    samples = np.sort(view[:, at], axis=1)
    stray = min(STRAY_SAMPLES, (len(at) - 1) // 3)
    colours = samples[:, len(at) // 2]
    clean = (samples[:, -1 - stray] - samples[:, stray]) <= 2 * TOLERANCE
    lines = np.flatnonzero(clean)
    if len(lines):
        low = np.maximum(colours[lines], TOLERANCE) - np.uint8(TOLERANCE)
        span = np.minimum(colours[lines], 255 - TOLERANCE) + np.uint8(TOLERANCE) - low
        inside = (view[lines] - low[:, None]) <= span[:, None]
        clean[lines] = np.count_nonzero(inside, axis=1) >= share * length
    return colours, clean


def _is_seam(view: Grey, line: int) -> bool:
    """Whether the step after `line` stands out in nearly all stretches of its extent."""
    low, high = max(0, line - AROUND), min(len(view) - 1, line + AROUND + 1)
    around = view[low : high + 1].astype(np.int16)
    step, at = np.abs(around[1:] - around[:-1]), line - low
    here = step[at]
    others = np.delete(step, np.s_[max(0, at - 1) : at + 2], axis=0).mean(0)
    strong = here >= np.maximum(MIN_STEP, STANDS_OUT * others)
    bounds = np.linspace(0, len(here), STRETCHES + 1).astype(np.intp)
    covered = np.add.reduceat(strong.astype(np.int32), bounds[:-1]) >= STRETCH_SHARE * np.diff(bounds)
    return bool(covered.mean() >= SEAM_SHARE)

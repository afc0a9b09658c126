"""Finds what separates the panels of a figure: gutters of one colour, and seams where two pictures meet without any.

Works on grey arrays whose lines are rows; who wants columns passes the transpose. Does not know whether a cut is wise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Grey: TypeAlias = NDArray[np.uint8]

# Grey levels around a gutter's colour. JPEG at quality 66 rings by about this much beside a strong edge.
TOLERANCE = 14
# Of a line's pixels: a label such as "(a)" beside or across a gutter takes a twentieth of a figure's height.
CLEAN_SHARE = 0.94
# Pixels looked at first in each line; only lines that look uniform in these are read in full.
SAMPLES = 32
# Of the samples on both sides that may be a label's.
STRAY_SAMPLES = 3
# Lines: one pixel of a two-pixel gutter survives blurring and shrinking.
MIN_GUTTER = 1

# A seam: the step between neighbouring lines must stand out in this share of its stretches, each this long (pixels, at least).
SEAM_SHARE = 0.9
STRETCHES = 24
# Grey levels between two lines; below, noise and JPEG blocks make steps as well.
MIN_STEP = 7
# How much larger than the steps around it a seam's step must be. Texture alone stays below.
STANDS_OUT = 2.2
# Of the stretches whose step goes the other way than most: a horizon or a door frame is brighter on one side all along.
BOTH_WAYS = 0.12
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
    found: list[Run] = []
    start = 0
    for i in range(1, len(clean) + 1):
        goes_on = i < len(clean) and clean[i] and clean[start] and abs(int(colours[i]) - int(colours[start])) <= TOLERANCE
        if not goes_on:
            if clean[start] and i - start >= MIN_GUTTER:
                found.append(Run(start, i, int(np.median(colours[start:i]))))
            start = i
    return found


def near(view: Grey, colour: int, tolerance: int = TOLERANCE) -> NDArray[np.bool_]:
    """Where a grey array is of this colour."""
    low, high = max(0, colour - tolerance), min(255, colour + tolerance)
    return (view - np.uint8(low)) <= np.uint8(high - low)


def seams(view: Grey, margin: int) -> list[int]:
    """Lines before which one picture ends and another begins, strongest first, none nearer than `margin` to an end or another."""
    count, length = view.shape
    if count < 2 * margin or length < STRETCHES:
        return []
    grey = view.astype(np.int16)
    step = grey[1:] - grey[:-1]
    size = np.abs(step)
    profile = np.minimum(size, 64).mean(1, dtype=np.float32)
    padded = np.pad(profile, AROUND, mode="reflect")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1), axis=1)
    lines = np.flatnonzero((profile >= MIN_STEP) & (profile >= STANDS_OUT * around))
    strength = profile[lines] / np.maximum(around[lines], 1)
    chosen: list[int] = []
    for line in lines[np.argsort(-strength, kind="stable")]:
        at = int(line) + 1
        if not margin <= at <= count - margin or any(abs(at - other) < margin for other in chosen):
            continue
        if _is_seam(step, int(line)):
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
        inside = np.abs(view[lines].astype(np.int16) - colours[lines, None]) <= TOLERANCE
        clean[lines] = inside.mean(1) >= share
    return colours, clean


def _is_seam(step: NDArray[np.int16], line: int) -> bool:
    """Whether the step after `line` stands out in nearly all stretches of its extent, and goes both ways."""
    here = step[line]
    low, high = max(0, line - AROUND), min(len(step), line + AROUND + 1)
    others = np.abs(np.delete(step[low:high], np.s_[max(0, line - low - 1) : line - low + 2], axis=0)).mean(0)
    strong = np.abs(here) >= np.maximum(MIN_STEP, STANDS_OUT * others)
    bounds = np.linspace(0, len(here), STRETCHES + 1).astype(np.intp)[:-1]
    width = np.diff(np.append(bounds, len(here)))
    covered = np.add.reduceat(strong.astype(np.int32), bounds) >= 0.4 * width
    up = np.add.reduceat((strong & (here > 0)).astype(np.int32), bounds) > np.add.reduceat(
        (strong & (here < 0)).astype(np.int32), bounds
    )
    both = min(up[covered].mean(), 1 - up[covered].mean()) if covered.any() else 0.0
    return bool(covered.mean() >= SEAM_SHARE and both >= BOTH_WAYS)

"""How well compound figures are split, how often single images are cut, and what splitting does for medical recall.

    .venv/bin/python benchmarks/panels.py --figures 400 --half report [--judge]

Composed figures (figures.py) and singles come from one half of the origins: `tune` is what constants may be chosen on, `report`
what is reported. Real figures are those of panels_real.csv: by eye, how many panels each has (1: a single image). Singles leave out
the origins of figures. `--judge` asks server.classify.engine with and without splitting. Appends to results/panels.jsonl.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import hashlib
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from figures import Figure, Source, compose  # noqa: E402 - run as a script
from record import record  # noqa: E402

from server.classify.engine import Engine  # noqa: E402
from server.imaging.decode import decode  # noqa: E402
from server.panels.split import split_panels  # noqa: E402
from server.settings import load_settings  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
LIMIT = 10**8
FIGURE_ORIGINS = ("openstax-", "microscopy-", "csnotes", "mask-", "depth-anything", "corkami", "which-implant")
PANEL_KINDS = ("photo", "photo_gray", "science_confuser", "art")  # of the non-medical ones
SERIES_LABELS, SERIES_LENGTH = ("ct", "mri"), 4


def half_of(origin: str) -> str:
    """By family, so that one publisher's style is on one side."""
    family = origin.split("-", maxsplit=1)[0].lower()
    return "tune" if hashlib.sha256(family.encode()).digest()[3] % 2 else "report"


def sources(half: str) -> list[Source]:
    with (DATA / "manifest.csv").open() as file:
        rows = [Source(DATA / r["file"], r["label"], r["kind"], r["origin"], r["group"]) for r in csv.DictReader(file)]
    return [row for row in rows if half_of(row.origin) == half and not row.origin.startswith(FIGURE_ORIGINS)]


def composed(rows: Sequence[Source], count: int, seed: int) -> list[Figure]:
    labels: dict[str, list[Source]] = defaultdict(list)
    groups: dict[tuple[str, str, str], list[Source]] = defaultdict(list)
    for row in rows:
        if row.medical or row.kind in PANEL_KINDS:
            labels[row.label].append(row)
        if row.label in SERIES_LABELS or (not row.medical and row.kind == "science_confuser"):
            groups[row.origin, row.kind, ""].append(row)
    series = [
        group for group in groups.values() if len(group) >= SERIES_LENGTH and group[0].medical == any(row.medical for row in rows)
    ]

    def pick(rng: random.Random) -> Source:
        return rng.choice(labels[rng.choice(sorted(labels))])

    rng = random.Random(seed)
    return [compose(rng, pick, [rng.sample(group, SERIES_LENGTH) for group in series]) for _ in range(count)]


def matches(found: Sequence[Sequence[float]], true: Sequence[Sequence[float]]) -> int:
    """How many (left, top, right, bottom) of `found` have a partner of `true` at IoU >= 0.5; at 0.5 it is the only one."""

    def iou(a: Sequence[float], b: Sequence[float]) -> float:
        w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
        both = max(w, 0) * max(h, 0)
        return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)

    free, hits = list(true), 0
    for box in found:
        best = max(free, key=lambda other: iou(box, other), default=None)
        if best is not None and iou(box, best) >= 0.5:
            free.remove(best)
            hits += 1
    return hits


def f1(hits: int, found: int, true: int) -> dict[str, float]:
    precision, recall = hits / max(found, 1), hits / max(true, 1)
    return {"precision": _r(precision), "recall": _r(recall), "f1": _r(2 * hits / max(found + true, 1)), "n": true}


def detection(figures: Sequence[Figure]) -> tuple[dict[str, Any], int]:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    cut = 0
    for figure in figures:
        found = [(x, y, x + w, y + h) for x, y, w, h in split_panels(decode(figure.data, LIMIT))]
        cut += bool(found)
        hits = matches(found, figure.boxes)
        for name in ("all", f"layout {figure.layout}", f"gutter {figure.gutter}", f"labels {figure.labels}"):
            counts[name] = [a + b for a, b in zip(counts[name], (hits, len(found), len(figure.boxes)), strict=True)]
    return {name: f1(*count) for name, count in sorted(counts.items())}, cut


def false_cuts(rows: Sequence[Source], per_origin: int, seed: int) -> tuple[dict[str, Any], int, int, float]:
    rng, by, spent = random.Random(seed), defaultdict(list), 0.0
    for row in rows:
        by[row.origin].append(row)
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for origin in sorted(by):
        for row in rng.sample(by[origin], min(per_origin, len(by[origin]))):
            raster = decode(row.path.read_bytes(), LIMIT)
            started = time.process_time()
            cut = bool(split_panels(raster))
            spent += time.process_time() - started
            for name in ("all", "medical" if row.medical else "non_medical", row.label if row.medical else row.kind):
                counts[name] = [counts[name][0] + cut, counts[name][1] + 1]
    shares = {name: {"cut": cut, "n": n, "share": _r(cut / n)} for name, (cut, n) in sorted(counts.items())}
    return shares, counts["all"][0], counts["all"][1], 1000 * spent / counts["all"][1]


def real() -> dict[str, Any]:
    with (Path(__file__).parent / "panels_real.csv").open() as file:
        rows = [(row["file"], int(row["panels"])) for row in csv.DictReader(file)]
    found = [(count, len(split_panels(decode((DATA / name).read_bytes(), LIMIT)))) for name, count in rows]
    figures = [(true, got) for true, got in found if true > 1]
    return {
        "figure": f1(sum(got > 0 for _, got in figures), sum(got > 0 for _, got in found), len(figures)),
        "singles": len(found) - len(figures),
        "count_exact": _r(sum(true == got for true, got in figures) / len(figures)),
    }


async def judged(figures: Sequence[Figure]) -> dict[str, Any]:
    """Medical recall of figures with a medical panel, and false alarms of those without, as one image and split."""
    answers: dict[str, Any] = {
        "with_medical_panel": sum(any(f.medical) for f in figures),
        "without": sum(not any(f.medical) for f in figures),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, splitter in (("whole", None), ("split", split_panels)):
            judge = Engine(load_settings(data_dir=Path(folder), device="cpu"), split_panels=splitter)
            verdicts = [(any(f.medical), (await judge.judge(decode(f.data, LIMIT))).verdict.is_medical) for f in figures]
            await judge.stop()
            for true, key in ((True, "recall"), (False, "false_alarms")):
                said = [answer for medical, answer in verdicts if medical is true]
                answers[f"{name}_{key}"] = _r(sum(said) / max(len(said), 1))
    return answers


def milliseconds(figures: Sequence[Figure]) -> dict[str, float]:
    """Processor time of one split for composed figures whose working copy is at its largest."""
    spent = []
    for figure in figures:
        raster = decode(figure.data, LIMIT)
        if max(raster.image.size) == 768:
            started = time.process_time()
            split_panels(raster)
            spent.append(1000 * (time.process_time() - started))
    return {"median": _r(float(np.median(spent))), "p95": _r(float(np.percentile(spent, 95))), "n": len(spent)}


def _r(value: float) -> float:
    return round(value, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--figures", type=int, default=400)
    parser.add_argument("--per-origin", type=int, default=40)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--judge", action="store_true")
    arguments = parser.parse_args()
    rows = sources(arguments.half)
    figures = composed(rows, arguments.figures, arguments.seed)
    panels, cut = detection(figures)
    singles, wrong, count, ms = false_cuts(rows, arguments.per_origin, arguments.seed)
    result: dict[str, Any] = {
        "panels": panels, "figure": f1(cut, cut + wrong, len(figures)), "singles": count, "false_cuts": singles, "real": real(),
        "ms_768": milliseconds(figures), "ms_singles": _r(ms), "origins": sorted({row.origin for row in rows}),
    }  # fmt: skip
    if arguments.judge:
        plain = composed([row for row in rows if not row.medical], arguments.figures // 3, arguments.seed)
        result["judge"] = asyncio.run(judged([*figures, *plain]))
    record("panels", vars(arguments), result)


if __name__ == "__main__":
    main()

"""Speed of the network in each precision and form, side by side in one run, and what each changes in the verdicts.

    .venv/bin/python benchmarks/precision.py ../shared/data --images 1600

Speed: images a second of the ordinary pass (batches of 16) and of the larger pass (448 x 448), all forms in turns, medians.
`peak_share`: of a matrix product of the same precision in the same run. Changes: against f32 over `--images` labelled images, drawn
evenly over the origins: other modality, other answer to "medical", other sureness, and the accuracy of both. Appends to
results/precision.jsonl.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from record import record  # noqa: E402 - run as a script

from server.classify.decide import decide  # noqa: E402
from server.classify.predictor import Input, Predictor, open_predictor  # noqa: E402
from server.imaging.decode import Raster, decode  # noqa: E402
from server.models import graph  # noqa: E402
from server.models.checkpoint import SHIPPED_CNN, read_card  # noqa: E402
from server.settings import load_settings  # noqa: E402

LITE0_GFLOP = 0.81  # of one pass at 224 pixels, 10^9: its paper counts 407 M pairs
BATCH, LARGER = 16, (448, 448)
MATRIX = 2048


def sample(data: Path, count: int, seed: int = 0) -> list[tuple[Path, str]]:
    """`count` different images with their labels, evenly over the origins as far as these reach."""
    with (data / "manifest.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    rng, by = random.Random(seed), {}  # type: ignore[var-annotated]
    for row in rows:
        by.setdefault(row["origin"], []).append((data / row["file"], row["label"]))
    for files in by.values():
        rng.shuffle(files)
    found: list[tuple[Path, str]] = []
    while len(found) < min(count, len(rows)):
        found += [files.pop() for files in by.values() if files]
    return found[:count]


def rasters(files: Sequence[tuple[Path, str]]) -> list[tuple[Raster, str]]:
    return [(decode(path.read_bytes(), 10**8), label) for path, label in files]


def peak(precision: str) -> float:
    """10^9 multiplications and additions a second of a matrix product in `precision` by OpenVINO on all cores."""
    op, one = graph.op, np.random.default_rng(0).random((MATRIX, MATRIX), np.float32)
    given = op.parameter([MATRIX, MATRIX], np.float32)
    built = graph.ov.Model([op.result(op.matmul(given, op.constant(one), False, False))], [given], "peak")
    infer = graph.compile_graph(built, "f32" if precision == "f32" else "bf16")
    infer(one)
    began = time.perf_counter()
    for _ in range(4):
        infer(one)
    return 4 * 2 * MATRIX**3 / (time.perf_counter() - began) / 1e9


def built(kind: str) -> Any:
    tensors, card = load_file(SHIPPED_CNN), read_card(SHIPPED_CNN)
    if kind == "larger":
        return graph.build_cells_graph(tensors, card.preprocess, LARGER)
    return graph.build_graph(card.arch, tensors, card.preprocess, textures=card.textures)


def forms() -> dict[str, Any]:
    """Compiled forms of the two passes, by name."""
    fixed = built("features")
    fixed.reshape([BATCH, *list(fixed.inputs[0].partial_shape)[1:]])
    return {
        "f32": graph.compile_graph(built("features"), PERFORMANCE_HINT="LATENCY"),
        "f32 fixed batch": graph.compile_graph(fixed, PERFORMANCE_HINT="LATENCY"),
        "f32 streams": graph.compile_graph(built("features"), PERFORMANCE_HINT="THROUGHPUT"),
        "bf16": graph.compile_graph(built("features"), "bf16", PERFORMANCE_HINT="LATENCY"),
        "bf16 fixed batch": graph.compile_graph(fixed, "bf16", PERFORMANCE_HINT="LATENCY"),
        "bf16 streams": graph.compile_graph(built("features"), "bf16", PERFORMANCE_HINT="THROUGHPUT"),
        "larger f32": graph.compile_graph(built("larger"), PERFORMANCE_HINT="LATENCY"),
        "larger bf16": graph.compile_graph(built("larger"), "bf16", PERFORMANCE_HINT="LATENCY"),
    }


def speed(made: dict[str, Any], rounds: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (BATCH, 224, 224, 3), dtype=np.uint8)
    large = rng.integers(0, 256, (1, LARGER[1], LARGER[0], 3), dtype=np.uint8)
    rates: dict[str, list[float]] = {name: [] for name in made}
    peaks: dict[str, list[float]] = {"f32": [], "bf16": []}
    for turn in range(rounds + 1):
        for name, found in peaks.items():
            found.append(peak(name))
        for name, infer in made.items():
            given = large if name.startswith("larger") else small
            queue = graph.ov.AsyncInferQueue(infer) if "streams" in name else None
            began = time.perf_counter()
            for _ in range(4):
                if queue:
                    queue.start_async(given)
                else:
                    infer(given)
            if queue:
                queue.wait_all()
            if turn:  # the first turn warms up
                rates[name].append(4 * len(given) / (time.perf_counter() - began))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    best = {name: statistics.median(values) for name, values in peaks.items()}
    share = {
        name: round(value * LITE0_GFLOP / best["bf16" if "bf16" in name else "f32"], 3)
        for name, value in medians.items()
        if not name.startswith("larger")
    }
    return {
        "images_per_second": {name: round(value, 1) for name, value in medians.items()},
        "times_f32": {
            name: round(value / medians["larger f32" if "larger" in name else "f32"], 2) for name, value in medians.items()
        },
        "per_core": {name: round(value / (os.cpu_count() or 1), 1) for name, value in medians.items()},
        "matrix_gflops": {name: round(value) for name, value in best.items()},
        "peak_share": share,
    }


def judged(predictor: Predictor, images: Sequence[tuple[Raster, str]]) -> list[Any]:
    verdicts: list[Any] = []
    for at in range(0, len(images), BATCH):
        inputs = [Input(raster.image, max(raster.width, raster.height)) for raster, _ in images[at : at + BATCH]]
        prediction, figures = predictor.judge(inputs)
        verdicts += decide(prediction, "", figures)
    return verdicts


def changes(before: Sequence[Any], after: Sequence[Any], labels: Sequence[str]) -> dict[str, Any]:
    """How many verdicts differ, and how both fare against the labels. `sure` counts what turned sure or unsure."""
    pairs = list(zip(before, after, labels, strict=True))
    sure = [(one, label) for one, label in zip(after, labels, strict=True) if not one.uncertain]
    return {
        "n": len(pairs),
        "modality": sum(a.modality != b.modality for a, b, _ in pairs),
        "medical": sum(a.is_medical != b.is_medical for a, b, _ in pairs),
        "sure": sum(a.uncertain != b.uncertain for a, b, _ in pairs),
        "sure_to_another_sure_modality": sum(not a.uncertain and not b.uncertain and a.modality != b.modality for a, b, _ in pairs),
        "accuracy_before": round(sum(a.modality == label for a, _, label in pairs) / len(pairs), 4),
        "accuracy_after": round(sum(b.modality == label for _, b, label in pairs) / len(pairs), 4),
        "accuracy_when_sure_after": round(sum(one.modality == label for one, label in sure) / max(1, len(sure)), 4),
        "largest_change_of_confidence": round(max(abs(a.confidence - b.confidence) for a, b, _ in pairs), 3),
    }


def compared(images: Sequence[tuple[Raster, str]]) -> dict[str, Any]:
    labels = [label for _, label in images]
    with tempfile.TemporaryDirectory() as folder:
        opened = {
            name: open_predictor(load_settings(data_dir=Path(folder), device="cpu", precision=name)) for name in ("f32", "bf16")
        }
        base = judged(opened["f32"], images)
        return {"bf16": changes(base, judged(opened["bf16"], images), labels)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=ROOT.parent / "shared" / "data")
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    files = sample(given.data, given.images)
    figures = {"load_before": round(load, 1), **speed(forms(), given.rounds)}
    figures["changes"] = compared(rasters(files))
    record("precision", {"images": given.images, "rounds": given.rounds}, figures)


if __name__ == "__main__":
    main()

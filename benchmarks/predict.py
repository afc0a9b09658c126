"""Images a second of the CPU path against eager torch on the same weights and images, and how the event loop fares meanwhile.

    .venv/bin/python benchmarks/inference.py --seconds 4

Both run in turns, so that a machine that is busy with other things is busy for both; the figures to hold on to are the ratios.
`loop_wait_ms` is the longest the event loop of a worker waited while the engine judged, against the same loop at rest: it decides
whether the model may live in a thread. `start_s` is measured in fresh processes. `load_before` above nought means that others used
the cores as well, which costs torch more than OpenVINO: its threads wait for each other. Appends to results/inference.jsonl.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from record import record  # noqa: E402 - run as a script

from server.classify.engine import Engine  # noqa: E402
from server.classify.inference import OpenVinoNetwork, TorchNetwork  # noqa: E402
from server.imaging.decode import Raster  # noqa: E402
from server.models.checkpoint import SHIPPED_CNN  # noqa: E402
from server.settings import load_settings  # noqa: E402

BATCHES = (1, 8, 16)
START = """
import time
started = time.perf_counter()
from server.classify import inference
from server.models.checkpoint import SHIPPED_CNN
inference.{kind}
print(time.perf_counter() - started)
"""
STARTS = {"openvino": "OpenVinoNetwork(SHIPPED_CNN)", "torch": "TorchNetwork(SHIPPED_CNN, 'cpu')"}


def rate(run: Callable[[], object], images: int, seconds: float) -> float:
    started, done = time.perf_counter(), 0
    while (spent := time.perf_counter() - started) < seconds:
        run()
        done += images
    return done / spent


def start(kind: str) -> float:
    code = START.format(kind=kind)
    answers = [subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True) for _ in range(3)]
    return min(float(answer.stdout) for answer in answers)


async def longest_wait(work: Callable[[], object] | None, seconds: float) -> tuple[float, float]:
    """Milliseconds by which the loop's own clock was late: the worst, and the 99th percentile."""
    late, ends = [], time.perf_counter() + seconds
    task = asyncio.ensure_future(work()) if work else None  # type: ignore[arg-type]
    while time.perf_counter() < ends:
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        late.append((time.perf_counter() - before - 0.001) * 1000)
    if task:
        await task
    return max(late), statistics.quantiles(late, n=100)[98]


async def engine(images: list[Image.Image], seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        judge = Engine(load_settings(data_dir=Path(folder), members=("cnn",), device="cpu"))
        rasters = [Raster("png", image.width, image.height, image) for image in images]
        await judge.start()
        done = 0

        async def work() -> None:
            nonlocal done
            ends = time.perf_counter() + seconds
            while time.perf_counter() < ends:
                await asyncio.gather(*(judge.judge(raster) for raster in rasters))
                done += len(rasters)

        rest = await longest_wait(None, seconds)
        started = time.perf_counter()
        busy = await longest_wait(work, seconds)
        per_second = done / (time.perf_counter() - started)
        await judge.stop()
    return {
        "engine": per_second,
        "loop_wait_ms_rest": rest[0],
        "loop_wait_ms": busy[0],
        "loop_wait_ms_rest_p99": rest[1],
        "loop_wait_ms_p99": busy[1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)) for _ in range(max(BATCHES))]
    networks = {"openvino": OpenVinoNetwork(SHIPPED_CNN), "torch": TorchNetwork(SHIPPED_CNN, "cpu")}
    figures: dict[str, object] = {"load_before": round(os.getloadavg()[0], 1)}
    for batch in BATCHES:
        rates: dict[str, list[float]] = {name: [] for name in networks}
        for _ in range(3):
            for name, network in networks.items():
                given = images[:batch]
                rates[name].append(rate(lambda network=network, given=given: network.features(given), batch, arguments.seconds / 3))
        medians = {name: statistics.median(values) for name, values in rates.items()}
        figures[f"batch_{batch}"] = {
            **{name: round(value, 1) for name, value in medians.items()},
            "ratio": round(medians["openvino"] / medians["torch"], 2),
        }
    figures["in_the_engine"] = {name: round(value, 1) for name, value in asyncio.run(engine(images, arguments.seconds)).items()}
    starts = {name: start(kind) for name, kind in STARTS.items()}
    figures["start_s"] = {name: round(value, 2) for name, value in starts.items()}
    figures["start_ratio"] = round(starts["torch"] / starts["openvino"], 1)
    record("predict", vars(arguments), figures)


if __name__ == "__main__":
    main()

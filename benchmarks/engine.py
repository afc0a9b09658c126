"""Images a second from files to verdicts by the service's engine, against the two ways of the origin, side by side in one run.

    .venv/bin/python benchmarks/engine.py ../shared/data --images 160

`engine`: decoders, panels and all models as a scan runs them, IMAGES_AT_ONCE at a time. `ensemble_of_the_origin`: one image at a
time, decoded in full, MobileNetV2 for K-Means, then CLIP ViT-B/32, in torch. `vgg16`: one image at a time in torch. The origin's
networks have random weights here, which take the same time. All take turns, `--rounds` times; the medians count. `peak_share`: the
floating-point operations of one pass of the network for each image a second, as a share of a float32 matrix product's in that run.
Appends to results/engine.jsonl.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from PIL import Image
from torchvision import models, transforms

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from record import record  # noqa: E402 - run as a script

from server.classify.engine import Engine  # noqa: E402
from server.dedupe.decode_pool import DecodePool  # noqa: E402
from server.panels.split import split_panels  # noqa: E402
from server.scan.pipeline import IMAGES_AT_ONCE  # noqa: E402
from server.settings import Settings, load_settings  # noqa: E402

Run = Callable[[list[Path]], Awaitable[None]]
# Multiplications and additions of one EfficientNet-Lite0 pass at 224 pixels, 10^9: its paper counts 407 M pairs.
LITE0_GFLOP = 0.81
MATRIX = 2048


def sample(data: Path, count: int) -> list[Path]:
    """`count` images of the labelled set, drawn evenly over its origins with a fixed seed."""
    with (data / "manifest.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    by_origin: dict[str, list[Path]] = {}
    for row in rows:
        by_origin.setdefault(row["origin"], []).append(data / row["file"])
    rng = random.Random(0)
    origins = sorted(by_origin)
    return [rng.choice(by_origin[rng.choice(origins)]) for _ in range(count)]


def with_engine(decoder: DecodePool, engine: Engine) -> Run:
    async def run(files: list[Path]) -> None:
        slots = asyncio.Semaphore(IMAGES_AT_ONCE)

        async def one(file: Path) -> None:
            async with slots:
                frames = await decoder.decode_frames(await asyncio.to_thread(file.read_bytes))
                await asyncio.gather(*(engine.judge(frame.raster) for frame in frames))

        await asyncio.gather(*(one(file) for file in files))

    return run


def origin_ensemble() -> Run:
    mobile = models.mobilenet_v2(weights=None).features.eval()
    clip, _, preprocess = open_clip.create_model_and_transforms("ViT-B-32", pretrained=None)
    clip.eval()
    square = transforms.Compose([transforms.Resize((224, 224)), transforms.ToTensor()])
    centres, prompts = np.zeros((6, 1280), np.float32), np.zeros((6, 512), np.float32)

    async def run(files: list[Path]) -> None:
        with torch.inference_mode():
            for file in files:
                with Image.open(file) as opened:
                    image = opened.convert("RGB")
                features = mobile(square(image)[None]).mean((2, 3)).numpy()
                np.linalg.norm(centres - features, axis=1).argmin()
                (prompts @ clip.encode_image(preprocess(image)[None]).numpy()[0]).argmax()

    return run


def vgg16() -> Run:
    network = models.vgg16(weights=None).eval()
    square = transforms.Compose([transforms.Resize((224, 224)), transforms.ToTensor()])

    async def run(files: list[Path]) -> None:
        with torch.inference_mode():
            for file in files:
                with Image.open(file) as opened:
                    network(square(opened.convert("RGB"))[None])

    return run


def peak() -> float:
    """10^9 multiplications and additions a second of a float32 matrix product on all cores."""
    one = np.random.default_rng(0).random((MATRIX, MATRIX), dtype=np.float32)
    one @ one
    began = time.perf_counter()
    for _ in range(5):
        one @ one
    return 5 * 2 * MATRIX**3 / (time.perf_counter() - began) / 1e9


async def measure(settings: Settings, files: list[Path], rounds: int) -> dict[str, Any]:
    async with DecodePool(settings) as decoder:
        engines = {
            "engine": Engine(settings, split_panels=split_panels),
            "engine_without_panels": Engine(settings),
            "engine_cnn_alone": Engine(settings.model_copy(update={"members": ("cnn",)})),
        }
        runs = {name: with_engine(decoder, engine) for name, engine in engines.items()}
        runs |= {"ensemble_of_the_origin": origin_ensemble(), "vgg16": vgg16()}
        share = {name: 8 if name in ("ensemble_of_the_origin", "vgg16") else 1 for name in runs}  # the slow ones get an eighth
        rates: dict[str, list[float]] = {name: [] for name in runs}
        peaks = []
        for turn in range(rounds + 1):
            peaks.append(peak())
            for name, run in runs.items():
                given = files[:: share[name]]
                began = time.perf_counter()
                await run(given)
                if turn:  # the first turn loads and compiles
                    rates[name].append(len(given) / (time.perf_counter() - began))
        for engine in engines.values():
            await engine.stop()
    medians = {name: statistics.median(values) for name, values in rates.items()}
    best = statistics.median(peaks)
    return {
        "images_per_second": {name: round(value, 1) for name, value in medians.items()},
        "engine_per_core": round(medians["engine"] / (os.cpu_count() or 1), 1),
        "times_ensemble_of_the_origin": round(medians["engine"] / medians["ensemble_of_the_origin"], 1),
        "times_vgg16": round(medians["engine"] / medians["vgg16"], 1),
        "matrix_gflops": round(best),
        "peak_share": round(medians["engine"] * LITE0_GFLOP / best, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--images", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        settings = load_settings(data_dir=Path(folder), device="cpu")
        figures = asyncio.run(measure(settings, sample(given.data, given.images), given.rounds))
    record("engine", {"images": given.images, "rounds": given.rounds}, {"load_before": round(load, 1), **figures})


if __name__ == "__main__":
    main()

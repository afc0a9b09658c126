"""`medlens corpus` on drawn images: the local engine, Ray with 1, 2, 4 actors, a bare Ray map of the same model, a killed node.

All runs of one call are on one machine, one after the other; the two nodes are two raylets there. The rows of every run are
compared with those of the local engine by document, hash and error. A line goes to benchmarks/results/corpus.jsonl.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # before Ray is imported
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import psutil
import ray
from PIL import Image
from ray.cluster_utils import Cluster
from record import record

from server.classify.predictor import Input, open_predictor
from server.contract.records import UniqueImage
from server.corpus.listing import open_corpus
from server.corpus.near import originals_of_many
from server.corpus.on_ray import BATCH_DOCUMENTS, RayOptions, ray_cluster
from server.corpus.run import Summary, run_corpus
from server.settings import Settings
from tests.corpus.drawn_corpus import counted, draw_folder

NODE_CPUS = 2  # of each of the two nodes, as Ray counts them; the machine may have fewer cores
LOOPBACK = "127.0.0.1"


class BareModel:
    """Decodes a batch of images and runs the same ensemble on it; nothing else."""

    def __init__(self, settings: Settings) -> None:
        self._predictor = open_predictor(settings)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        images = [Image.open(io.BytesIO(data)).convert("RGB") for data in batch["data"]]
        self._predictor.judge([Input(image, max(image.size)) for image in images])
        return {"images": [len(images)]}


class Pace:
    """When the first documents of a run came, and the last: the pace without the start of Ray and of the models."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._times: list[float] = []

    def __call__(self, *_: object) -> None:
        self._times.append(time.monotonic() - self._begun)

    def figures(self) -> dict[str, float]:
        warm = self._times[BATCH_DOCUMENTS:]
        pace = (len(warm) - 1) / (warm[-1] - warm[0]) if len(warm) > 1 and warm[-1] > warm[0] else 0.0
        return {"first_s": round(self._times[0], 2), "all_s": round(self._times[-1], 2), "documents_per_s_warm": round(pace, 2)}


def measured(source: Path, out: Path, settings: Settings, engine: Any, options: RayOptions | None = None) -> dict[str, Any]:
    pace = Pace()
    summary = asyncio.run(run_corpus(open_corpus(str(source)), out, settings, engine, options, pace))
    return counts(summary) | pace.figures()


def counts(summary: Summary) -> dict[str, Any]:
    return {name: summary.counts[name] for name in ("documents", "images", "judged", "errors")} | {
        "seconds": round(summary.seconds, 2)
    }


def bare_map(source: Path, settings: Settings) -> dict[str, Any]:
    """The pace of a Ray map that only decodes and runs the model, by one actor."""
    images = [{"data": path.read_bytes()} for path in sorted(source.glob("0*.png"))]
    begun, times = time.monotonic(), list[tuple[float, int]]()
    with ray_cluster(RayOptions()):
        blocks = max(1, len(images) // BATCH_DOCUMENTS)
        mapped = ray.data.from_items(images, override_num_blocks=blocks).map_batches(
            BareModel,
            fn_constructor_kwargs={"settings": settings},
            compute=ray.data.ActorPoolStrategy(size=1),
            batch_size=BATCH_DOCUMENTS,
            num_cpus=0.5,
        )
        times += [(time.monotonic() - begun, row["images"]) for row in mapped.iter_rows()]
    warm = sum(number for _, number in times[1:])
    pace = warm / (times[-1][0] - times[0][0]) if len(times) > 1 else 0.0
    return {"images": sum(number for _, number in times), "all_s": round(times[-1][0], 2), "images_per_s_warm": round(pace, 2)}


def command_lines(process: psutil.Process) -> list[str]:
    """Those of its descendants, without those that end meanwhile."""
    found = []
    for child in process.children(recursive=True):
        with suppress(psutil.Error):
            found.append(" ".join(child.cmdline()))
    return found


def killed_node(source: Path, out: Path, settings: Settings, after: int) -> dict[str, Any]:
    """A run on two nodes, of which one is killed after so many documents; how many actors lived there before."""
    head = {"num_cpus": NODE_CPUS, "include_dashboard": False, "node_ip_address": LOOPBACK}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    second = cluster.add_node(num_cpus=NODE_CPUS, node_ip_address=LOOPBACK)
    facts: dict[str, Any] = {"killed_after": None}

    def on_progress(done: int, _: int | None, __: Counter[str]) -> None:
        if facts["killed_after"] is None and done >= after:
            raylet = psutil.Process(second.all_processes["raylet"][0].process.pid)
            names = command_lines(raylet)
            facts["actors_there"] = sum("MapWorker" in name for name in names)
            facts["readers_there"] = sum("DocumentReader" in name for name in names)
            cluster.remove_node(second, allow_graceful=False)
            facts["killed_after"] = done

    try:
        options = RayOptions(address=cluster.address, actors=2)
        summary = asyncio.run(run_corpus(open_corpus(str(source)), out, settings, "ray", options, on_progress))
    finally:
        cluster.shutdown()
    return counts(summary) | facts


def near_duplicates(number: int) -> dict[str, Any]:
    """Grouping so many images with hashes drawn at random, of which a tenth are copies: seconds, and memory for each image."""
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**63, number)
    hashes[: number // 10] = hashes[number // 10 : 2 * (number // 10)]
    before = psutil.Process().memory_info().rss
    images = [
        UniqueImage(f"{i:064x}", 200, 200, "png", 1, (), b"", f"{int(hashes[i]):016x}", random.bytes(1024)) for i in range(number)
    ]
    begun = time.monotonic()
    originals_of_many(images)
    seconds = time.monotonic() - begun
    return {"seconds": round(seconds, 2), "bytes_an_image": round((psutil.Process().memory_info().rss - before) / number)}


def engines(base: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """The figures of each engine, and how many rows differ from those of the local one."""
    settings = Settings(data_dir=base / "data")
    source = draw_folder(base / "in", asked.images)
    figures: dict[str, Any] = {"local": measured(source, base / "local", settings, "local")}
    expected = counted(base / "local")
    size = sum(path.stat().st_size for path in (base / "local").glob("modality=*/*.parquet"))
    figures["local"] |= {"parquet_bytes": size, "input_bytes": sum(path.stat().st_size for path in source.iterdir())}
    figures["local"]["known_bytes"] = (base / "local" / "_known.sqlite").stat().st_size
    for actors in asked.actors if "ray" in asked.parts else []:
        out = base / f"ray{actors}"
        figures[f"ray_{actors}"] = measured(source, out, settings, "ray", RayOptions(actors=actors))
        figures[f"ray_{actors}"]["rows_differ"] = _differences(expected, counted(out))
    if "bare" in asked.parts:
        figures["bare"] = bare_map(source, settings)
    if "killed" in asked.parts:
        figures["killed"] = killed_node(source, base / "killed", settings, asked.images // 4)
        figures["killed"]["rows_differ"] = _differences(expected, counted(base / "killed"))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=160)
    parser.add_argument("--actors", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--near", type=int, nargs="*", default=[10_000, 40_000], help="images whose near duplicates are grouped")
    parser.add_argument("--parts", nargs="*", default=["local", "ray", "bare", "killed", "near"])
    parser.add_argument("--no-record", action="store_true", help="print the figures only")
    asked = parser.parse_args()
    figures: dict[str, Any] = {}
    if "near" in asked.parts:
        figures |= {f"near_{number}": near_duplicates(number) for number in asked.near}
    if set(asked.parts) - {"near"}:
        with tempfile.TemporaryDirectory() as folder:
            figures |= engines(Path(folder), asked)
    if asked.no_record:
        print(json.dumps(figures, indent=2))
    else:
        record("corpus", vars(asked), figures)
    wrong = [name for name, one in figures.items() if one.get("rows_differ")]
    sys.exit(f"rows were lost or doubled: {wrong}" if wrong else 0)


def _differences(expected: Counter[Any], found: Counter[Any]) -> int:
    return ((expected - found) + (found - expected)).total()


if __name__ == "__main__":
    main()

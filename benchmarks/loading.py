"""How long the default members take to load, with the prompts' vectors kept by an earlier start and without.

    git worktree add --detach /tmp/before COMMIT
    .venv/bin/python benchmarks/loading.py --rounds 9 --before /tmp/before

Each load is a process of its own, on one thread of BLAS, and they come in turns: `kept` finds the vectors on disk, `made` finds an
empty data folder, makes them and keeps them, `before` is the same load by the checkout given, such as the last one that kept none.
`open_s` is open_predictor alone, `start_s` with its imports; medians, and the figures to hold on to are the ratios. Appends to
results/loading.jsonl.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from record import record

ROOT = Path(__file__).resolve().parents[1]
LOAD = """
import sys, time
begun = time.perf_counter()
from pathlib import Path
from server.classify.predictor import open_predictor
from server.settings import Settings
imported = time.perf_counter()
open_predictor(Settings(data_dir=Path(sys.argv[1]), device="cpu"))
print(time.perf_counter() - imported, time.perf_counter() - begun)
"""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def load(checkout: Path, data_dir: str) -> tuple[float, float]:
    """Seconds of (open_predictor, all of the process but Python's own start)."""
    command, environment = [sys.executable, "-c", LOAD, data_dir], os.environ | ONE_THREAD
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=True)
    opened, whole = map(float, done.stdout.split())
    return opened, whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--before", type=Path, help="a checkout to compare with")
    given = parser.parse_args()
    load_before = round(os.getloadavg()[0], 1)
    ways = ("kept", "made", "before") if given.before else ("kept", "made")
    times: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as data_dir:
        load(ROOT, data_dir)
        for _ in range(given.rounds):
            for way in ways:
                with tempfile.TemporaryDirectory() as empty:
                    checkout = given.before if way == "before" else ROOT
                    times[way].append(load(checkout, data_dir if way == "kept" else empty))
    figures: dict[str, object] = {"load_before": load_before}
    for number, name in enumerate(("open_s", "start_s")):
        medians = {way: statistics.median(time[number] for time in times[way]) for way in ways}
        figures[name] = {way: round(seconds, 2) for way, seconds in medians.items()}
        figures[f"{name[:-2]}_ratio"] = {way: round(medians[way] / medians["kept"], 2) for way in ways if way != "kept"}
    compared = subprocess.run(["git", "describe", "--always"], cwd=given.before, capture_output=True, text=True, check=False)
    record("loading", {"rounds": given.rounds, "before": compared.stdout.strip() if given.before else None}, figures)


if __name__ == "__main__":
    main()

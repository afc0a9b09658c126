"""The benchmarks of speed in short forms, one after the other: about four minutes on two quiet cores.

    .venv/bin/python benchmarks/bench.py [--data ../shared/data]

Each prints its figures and appends them to its file in results/; a table at the end says how each ended and how long it took. Those
that need labelled images are left out, and named, if there are none. Ends with status 1 if one failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Bench:
    """A script of this folder with its options; `needs_data`: the folder of labelled images is its first argument."""

    script: str
    options: tuple[str, ...]
    needs_data: bool = False


BENCHES = (
    Bench("startup.py", ("--rounds", "3")),
    Bench("engine.py", ("--images", "48", "--rounds", "2"), needs_data=True),
    Bench("precision.py", ("--images", "48", "--rounds", "2"), needs_data=True),
    Bench("page_scan.py", ("--rounds", "2", "--images", "5", "50")),
    Bench("documents.py", ("--files", "300", "--pages", "100", "--rounds", "1")),
    Bench("idle.py", ("--scans", "10", "--seconds", "20")),
)


def run(bench: Bench, data: Path) -> str:
    """How it ended."""
    if bench.needs_data and not (data / "manifest.csv").is_file():
        return f"left out: no labelled images in {data}"
    folder = (str(data),) if bench.needs_data else ()
    done = subprocess.run([sys.executable, str(HERE / bench.script), *folder, *bench.options], check=False)
    return "done" if done.returncode == 0 else f"failed with status {done.returncode}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data")
    data = parser.parse_args().data
    table, began = [], time.perf_counter()
    for bench in BENCHES:
        print(f"== {bench.script} {' '.join(bench.options)}", flush=True)
        started = time.perf_counter()
        table.append((bench.script, run(bench, data), time.perf_counter() - started))
    print(f"\n{'benchmark':<16}{'seconds':>8}  ended")
    for script, ended, seconds in table:
        print(f"{script:<16}{seconds:>8.0f}  {ended}")
    print(f"{'all':<16}{time.perf_counter() - began:>8.0f}")
    return int(any(ended.startswith("failed") for _, ended, _ in table))


if __name__ == "__main__":
    sys.exit(main())

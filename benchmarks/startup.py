"""CPU time of the commands that need neither a model nor the database, as a multiple of Python's own start.

    .venv/bin/python benchmarks/startup.py --rounds 9
    .venv/bin/python benchmarks/startup.py --before /tmp/before      # a checkout of another commit, run by the same Python

Each command is a process of its own; all take turns with `python -c pass`. `cpu_s` is the median of user plus system time, `ratio`
the median divided by that of `python -c pass` in the same run. Appends to results/startup.jsonl.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from record import record

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = ("--help", "token", "config")


def cpu_seconds(command: list[str], checkout: Path, data_dir: str) -> float:
    """User plus system time of the command and its children, seconds. Raises CalledProcessError."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEDLENS_")}
    subprocess.run(command, cwd=checkout, env=environment | {"MEDLENS_DATA_DIR": data_dir}, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--before", type=Path, help="a checkout to compare with")
    given = parser.parse_args()
    checkouts = {"now": ROOT} | ({"before": given.before} if given.before else {})
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as data_dir:
        for turn in range(given.rounds + 1):
            for name, checkout in checkouts.items():
                commands = {"python": [sys.executable, "-c", "pass"]} | {
                    f"{word} {name}": [sys.executable, "-m", "server", word] for word in COMMANDS
                }
                for what, command in commands.items():
                    seconds = cpu_seconds(command, checkout, data_dir)
                    if turn:  # the first turn compiles the modules and makes the token
                        times.setdefault(what, []).append(seconds)
    medians = {what: statistics.median(seconds) for what, seconds in times.items()}
    python = medians.pop("python")
    figures = {what: {"cpu_s": round(value, 3), "ratio": round(value / python, 1)} for what, value in medians.items()}
    record("startup", {"rounds": given.rounds}, {"python_cpu_s": round(python, 4), **figures})


if __name__ == "__main__":
    main()

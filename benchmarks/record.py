"""Appends one JSON line per measurement to benchmarks/results/: the figures, the arguments, the machine and the commit.

Lines are never rewritten: negative results stay. Does not measure anything itself.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def _commit() -> str:
    answer = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def record(name: str, arguments: dict[str, Any], figures: dict[str, Any]) -> Path:
    """Append {at, commit, machine, arguments, figures} to results/NAME.jsonl and print the figures."""
    RESULTS.mkdir(exist_ok=True)
    machine = {"processor": _processor(), "cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version()}
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": machine,
        "arguments": arguments,
        "figures": figures,
    }
    path = RESULTS / f"{name}.jsonl"
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
    print(json.dumps(figures, indent=2))
    return path

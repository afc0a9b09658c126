"""Size and time of an installation: what a service needs, the same with torch, and all extras, each in a fresh environment.

    .venv/bin/python benchmarks/install.py

All come from the package cache of this machine, which a first installation fills, so downloads are not counted; one after another
in one run. `mb` is the sum of the file sizes under site-packages without pip and uv, in 10^6 bytes; `ratio` is against the service.
Appends to results/install.jsonl.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import record

ROOT = Path(__file__).resolve().parents[1]
LOCKS = {"service": "requirements.lock", "torch": "requirements-torch.lock", "all": "requirements-all.lock"}


def install(lock: Path, place: Path) -> tuple[float, float]:
    """(seconds, 10^6 bytes) of installing the lock into a new environment at `place`. Raises CalledProcessError."""
    uv = [sys.executable, "-m", "uv", "--quiet"]
    subprocess.run([*uv, "venv", str(place)], check=True)
    began = time.perf_counter()
    subprocess.run(
        [*uv, "pip", "install", "--python", str(place / "bin" / "python"), "--no-deps", "--require-hashes", "-r", str(lock)],
        check=True,
    )
    seconds = time.perf_counter() - began
    return seconds, sum(file.stat().st_size for file in place.rglob("*") if file.is_file() and not file.is_symlink()) / 1e6


def main() -> None:
    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        install(ROOT / LOCKS["all"], Path(folder) / "filling-the-cache")
        for name, lock in LOCKS.items():
            measured[name] = install(ROOT / lock, Path(folder) / name)
    seconds, size = measured["service"]
    record(
        "install",
        {"locks": LOCKS},
        {
            name: {
                "s": round(its_s, 2),
                "mb": round(its_mb),
                "s_ratio": round(its_s / seconds, 1),
                "mb_ratio": round(its_mb / size, 1),
            }
            for name, (its_s, its_mb) in measured.items()
        },
    )


if __name__ == "__main__":
    main()

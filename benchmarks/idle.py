"""What the service takes while it does nothing: memory of each process family after some scans, and processor time a minute.

python benchmarks/idle.py [--scans 50] [--seconds 60]

Memory is resident (as the limits of the issue and `top` count it) and proportional (shared pages divided among their users).
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import psutil
from fortress_service import Service, add_page, attacked
from load import part_of
from record import record

PATIENCE_S = 600.0
SETTLE_S = 15.0  # after the last scan, until what ends with it has ended


def taken(processes: Iterable[psutil.Process]) -> dict[str, dict[str, float]]:
    """By part of the service: MB resident and proportional, and processor seconds so far."""
    sums: dict[str, dict[str, float]] = {}
    for one in processes:
        with suppress(psutil.Error):
            memory, cpu = one.memory_full_info(), one.cpu_times()
            part = sums.setdefault(part_of(one), {"resident_MB": 0.0, "proportional_MB": 0.0, "cpu_s": 0.0})
            part["resident_MB"] += memory.rss / 2**20
            part["proportional_MB"] += memory.pss / 2**20
            part["cpu_s"] += cpu.user + cpu.system
    return sums


def everyone(service: Service) -> list[psutil.Process]:
    assert service.process is not None
    return [psutil.Process(service.process.pid), *service.family()]


async def measure(scans: int, seconds: int) -> dict[str, Any]:
    async with attacked() as (service, site):
        for number in range(scans):
            await service.reports([await service.ask(add_page(site, f"p{number}"))], PATIENCE_S)
        await asyncio.sleep(SETTLE_S)
        before = taken(everyone(service))
        await asyncio.sleep(seconds)
        after = taken(everyone(service))
        await service.stop()
    return {
        part: {
            "resident_MB": round(now["resident_MB"]),
            "proportional_MB": round(now["proportional_MB"]),
            "cpu_percent": round(100 * (now["cpu_s"] - before.get(part, now)["cpu_s"]) / seconds, 2),
        }
        for part, now in sorted(after.items())
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    record("idle", vars(given), asyncio.run(measure(given.scans, given.seconds)))

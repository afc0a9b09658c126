"""Many scans at once and many in a row on one service: how they end, how fair the queue is, and what memory and descriptors do.

python benchmarks/load.py [--at-once 20] [--in-a-row 200]

A class of fortress.py. Every scan is of a page of its own with the same six images. The figures of each process family, every few
seconds, are drawn to runs/load.png: after the first scans they must stay flat.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import vl_convert
from fortress_service import Service, add_page, attacked, left_behind, told_well
from record import record

from server.web.http.limits import RATES

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 1200.0
SAMPLE_S = 3.0
PAGE_S = "180"  # a page's own limit is not what is measured, however busy the machine
OTHERS = "others"
IN_HAND = 6  # of the scans in a row: enough that the worker never waits
WARM = 0.3  # the first part of the scans in a row, in which caches fill and the browser is replaced for the first time
# A word of the command line of each part's processes.
PARTS = {
    "server serve": "web",
    "server worker": "worker",
    "fork_server": "readers",
    "--type=": "browser",
    "pipe": "browser",
    "run-driver": "driver",
    "postgres": "database",
}


async def load(at_once: int, in_a_row: int) -> tuple[Counter[str], dict[str, Any]]:
    """Scans by how they ended (`handled`, `crashed`, `hung`), what was `leaked`, and the figures."""
    tally, samples = Counter[str](), list[dict[str, Any]]()
    async with attacked(MEDLENS_PAGE_TIMEOUT_S=PAGE_S) as (service, site):
        watching = asyncio.create_task(_watch(service, samples))
        began = time.monotonic()
        asked = [await service.ask(add_page(site, f"once{number}")) for number in range(at_once)]
        _count(tally, asked, await service.reports(asked, PATIENCE_S))
        at_once_s, began = time.monotonic() - began, time.monotonic()
        gate = asyncio.Semaphore(IN_HAND)

        async def one(number: int) -> None:
            async with gate:
                path = await service.ask(add_page(site, f"row{number}"))
                _count(tally, [path], await service.reports([path], PATIENCE_S))

        await asyncio.gather(*map(one, range(in_a_row)))
        in_a_row_s = time.monotonic() - began
        tally["refused past the limit"] = await _past_the_limit(service)
        watching.cancel()
        family = service.family()
        await service.stop()
        tally["leaked"] = len(await left_behind(service, family))
        tally["tracebacks"] = len([line for line in service.said if "Traceback" in line])
    figures = {"at_once_s": round(at_once_s, 1), "in_a_row_s": round(in_a_row_s, 1), "growth": growth(samples)}
    draw(samples, ROOT / "runs" / "load.png")
    return tally, figures


def _count(tally: Counter[str], asked: list[str], reports: dict[str, dict[str, Any]]) -> None:
    tally["hung"] += len(asked) - len(reports)
    for report in reports.values():
        well = report["status"] == "done" and told_well(report)  # nothing is killed here: each must be done
        tally["handled" if well else "crashed"] += 1
        if not well:
            print(report["status"], report["error"], report["counts"], file=sys.stderr)


async def _watch(service: Service, samples: list[dict[str, Any]]) -> None:
    began = time.monotonic()
    while True:
        sums: dict[str, list[float]] = {part: [0.0, 0.0] for part in {*PARTS.values(), OTHERS}}
        for one in await asyncio.to_thread(service.family):
            with suppress(psutil.Error):
                part = part_of(one)
                sums[part][0] += one.memory_full_info().pss / 2**20
                sums[part][1] += one.num_fds()
        assert service.process is not None
        with suppress(psutil.Error):
            web = psutil.Process(service.process.pid)
            sums["web"] = [web.memory_full_info().pss / 2**20, float(web.num_fds())]
        now = time.monotonic() - began
        samples += [{"s": round(now, 1), "part": part, "MB": mb, "descriptors": fds} for part, (mb, fds) in sums.items()]
        await asyncio.sleep(SAMPLE_S)


def part_of(process: psutil.Process) -> str:
    """The part of the service that a process belongs to. Raises psutil.Error when it has ended."""
    words = " ".join(process.cmdline())
    return next((part for word, part in PARTS.items() if word in words), OTHERS)


async def _past_the_limit(service: Service) -> int:
    """How many of many requests at once were answered 429 with the seconds to wait; all others must be accepted or say why not."""
    calls = (service.call("POST", "/api/scans", json={"url": "https://192.0.2.1/"}) for _ in range(2 * RATES["scan"].burst))
    answers = await asyncio.gather(*calls)
    refused = [headers for status, _, headers in answers if status == 429]
    assert all(int(headers["Retry-After"]) > 0 for headers in refused)
    return len(refused)


def growth(samples: list[dict[str, Any]]) -> dict[str, dict[str, list[float]]]:
    """By part, the medians of the two halves after the warm part: memory in MB, descriptors."""
    end = max(sample["s"] for sample in samples)
    halves = [(WARM * end, (1 + WARM) / 2 * end), ((1 + WARM) / 2 * end, end + 1)]
    found: dict[str, dict[str, list[float]]] = {}
    for part in sorted({sample["part"] for sample in samples}):
        for name in ("MB", "descriptors"):
            values = [
                sorted(sample[name] for sample in samples if sample["part"] == part and since <= sample["s"] < until)
                for since, until in halves
            ]
            found.setdefault(part, {})[name] = [round(half[len(half) // 2], 1) for half in values if half]
    return found


def draw(samples: list[dict[str, Any]], path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    line = {"mark": "line", "width": 700, "height": 220}
    over = {"x": {"field": "s", "type": "quantitative", "title": "seconds"}, "color": {"field": "part", "type": "nominal"}}
    charts = [
        line | {"encoding": over | {"y": {"field": name, "type": "quantitative", "title": title}}}
        for name, title in (("MB", "proportional memory, MB"), ("descriptors", "open descriptors"))
    ]
    path.write_bytes(vl_convert.vegalite_to_png({"data": {"values": samples}, "vconcat": charts}, scale=1.5))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--in-a-row", type=int, default=200)
    given = parser.parse_args()
    counted, measured = asyncio.run(load(given.at_once, given.in_a_row))
    record("load", vars(given), dict(counted) | measured)
    sys.exit(1 if counted["crashed"] + counted["hung"] + counted["leaked"] else 0)

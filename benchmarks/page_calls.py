"""What the visit of one ordinary page costs in calls to the browser and in seconds, here and in another checkout, in turns.

    .venv/bin/python benchmarks/page_calls.py --beside ../before --rounds 5 --images 10

Each round starts one process for each checkout, which visits the page once to warm up and then VISITS times. `calls`: messages to
the browser's driver during one visit, by name. `ratio`: the median seconds of a visit here for each second there; both are in
`seconds`. Appends to results/page_calls.jsonl.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from contextlib import aclosing
from ipaddress import ip_network
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
ROOT = Path(os.environ.get("PAGE_CALLS_ROOT", HERE.parents[1]))
sys.path[:0] = [str(ROOT), str(HERE.parent)]

from playwright._impl.connection import Connection  # noqa: E402 - run as a script
from record import record  # noqa: E402

from server.contract.records import Source  # noqa: E402
from server.extract.browser import Browser  # noqa: E402
from server.extract.page import extract_page  # noqa: E402
from server.settings import Settings  # noqa: E402
from server.source.egress import EgressProxy  # noqa: E402
from server.source.guard import Guard  # noqa: E402
from tests.site import Site, page  # noqa: E402

VISITS = 5
TEXT = "<p>" + "Findings, impressions and what to look for. " * 40 + "</p>"


def count_calls() -> Counter[str]:
    """Count what is sent to the browser's driver from now on."""
    calls: Counter[str] = Counter()
    send = Connection.send_message_to_server

    def counted(self: Connection, target: Any, method: str, params: Any, options: Any) -> Any:
        calls[str(params.get("method")) if method == "send" and params else method] += 1
        return send(self, target, method, params, options)

    Connection.send_message_to_server = counted  # type: ignore[method-assign]
    return calls


async def visits(images: int) -> dict[str, Any]:
    """The seconds of each visit, and the calls of the last one."""
    settings, calls = Settings(allow_networks=(ip_network("127.0.0.1/32"),)), count_calls()
    seconds: list[float] = []
    async with Site() as site, Browser(settings) as browser:
        parts = []
        for number in range(images):
            address = site.add_picture(f"/{number}.png", seed=number)
            parts.append(f"<h2>Case {number}</h2>{TEXT}<img loading={'lazy' if number % 2 else 'eager'} src={address}>")
        url = site.add("/", page(*parts))
        for _ in range(VISITS + 1):
            calls.clear()
            began = time.perf_counter()
            async with (
                EgressProxy(Guard(settings), settings) as proxy,
                aclosing(extract_page(Source("page", url, url), browser, proxy.url, settings)) as founds,
            ):
                found = [one async for one in founds]
            seconds.append(time.perf_counter() - began)
            assert len(found) > images, found
    return {"seconds": seconds[1:], "calls": dict(calls.most_common())}


def in_child(root: Path, images: int) -> dict[str, Any]:
    command = [sys.executable, str(HERE), "--images", str(images), "--once"]
    done = subprocess.run(command, env=os.environ | {"PAGE_CALLS_ROOT": str(root)}, stdout=subprocess.PIPE, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def compare(beside: Path, rounds: int, images: int) -> dict[str, object]:
    seconds: dict[str, list[float]] = {"here": [], "beside": []}
    calls: dict[str, dict[str, int]] = {}
    for _ in range(rounds):
        for name, root in (("beside", beside), ("here", ROOT)):
            result = in_child(root, images)
            seconds[name] += result["seconds"]
            calls[name] = result["calls"]
    return {
        "ratio": round(statistics.median(seconds["here"]) / statistics.median(seconds["beside"]), 3),
        "calls": {name: sum(counts.values()) for name, counts in calls.items()},
        "calls_by_name": calls,
        "seconds": {name: [round(value, 3) for value in values] for name, values in seconds.items()},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beside", type=Path, help="another checkout, with the same environment")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--once", action="store_true", help="only this checkout, as JSON")
    arguments = parser.parse_args()
    if arguments.once or arguments.beside is None:
        print(json.dumps(asyncio.run(visits(arguments.images))))
    else:
        about = {"rounds": arguments.rounds, "images": arguments.images, "load_before": round(os.getloadavg()[0], 1)}
        record("page_calls", about, compare(arguments.beside.resolve(), arguments.rounds, arguments.images))

"""A service under load whose processes are killed one at a time: every scan ends, and nothing is left when it has stopped.

A class of fortress.py. The victims: the server itself, workers, browsers, their drivers and renderers, fork servers, readers, the
database's postmaster and its backends.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import aiohttp
import psutil
from fortress_service import Service, add_page, attacked, left_behind, told_well

PATIENCE_S = 600.0  # for the scans in hand to end after the last kill, on a busy machine
ORPHAN_S = 10.0  # the workers of a killed server are gone by then
FORK_SERVER = "fork_server"


def _is_reader(process: psutil.Process) -> bool:
    parent = process.parent()
    return FORK_SERVER in _words(process) and parent is not None and FORK_SERVER in _words(parent)


VICTIMS: dict[str, Callable[[psutil.Process], bool]] = {
    "server": lambda one: "server serve" in _words(one),
    "worker": lambda one: "server worker" in _words(one),
    "driver": lambda one: "run-driver" in _words(one),
    "browser": lambda one: "--remote-debugging-pipe" in _words(one),
    "renderer": lambda one: "--type=renderer" in _words(one),
    "fork server": lambda one: FORK_SERVER in _words(one) and not _is_reader(one),
    "reader": _is_reader,
    "postmaster": lambda one: "bin/postgres -D" in _words(one),
    "backend": lambda one: "postgres: " in _words(one),
}


def _words(process: psutil.Process) -> str:
    return " ".join(process.cmdline())


async def sudden_death(kills: int, seed: int) -> Counter[str]:
    """Scans by how they ended: `handled` as told_well says, `crashed` otherwise, `hung`; what was `leaked`; `killed NAME`."""
    chance, tally = random.Random(seed), Counter[str]()
    async with attacked() as (service, site):
        asked: list[str] = []
        for number in range(kills):
            asked.append(await _asked(service, add_page(site, f"p{number}")))
            await asyncio.sleep(chance.uniform(0.2, 6))
            name = await _kill_one(service, chance, tally)
            print(number, name, file=sys.stderr)
            if name == "server":
                tally["leaked"] += await _start_again(service)
        reports = await service.reports(asked, PATIENCE_S)
        for report in reports.values():
            tally["handled" if told_well(report) else "crashed"] += 1
            tally[f"scan {report['status']}"] += 1
        tally["hung"] = len(asked) - len(reports)
        family = service.family()
        await service.stop()
        left = await left_behind(service, family)
        unexpected = [line for line in service.said if "Traceback" in line]
        print("left:", left, "tracebacks:", len(unexpected), file=sys.stderr)
        if tally["crashed"] or tally["hung"] or left or unexpected:
            print("".join(service.said), file=sys.stderr)
        tally["leaked"] += len(left)
        tally["tracebacks"] = len(unexpected)
    return tally


async def _asked(service: Service, url: str) -> str:
    """As `Service.ask`; again when the connection was cut by the death of the server."""
    while True:
        with suppress(aiohttp.ClientError):
            return await service.ask(url)
        await asyncio.sleep(0.5)


async def _kill_one(service: Service, chance: random.Random, tally: Counter[str]) -> str:
    """Kill one process of a kind of which there is one; returns the kind."""
    assert service.process is not None
    family = [psutil.Process(service.process.pid), *service.family()]
    chance.shuffle(family)
    for name in chance.sample(list(VICTIMS), len(VICTIMS)):
        for one in family:
            with suppress(psutil.Error):
                if VICTIMS[name](one):
                    one.kill()
                    tally[f"killed {name}"] += 1
                    return name
    return "nobody"


async def _start_again(service: Service) -> int:
    """Start a service whose server was killed; returns how many of its workers lived on."""
    workers = [one for one in service.family() if _is(one, "worker")]
    await service.gone()
    _, alive = await asyncio.to_thread(psutil.wait_procs, workers, ORPHAN_S)
    await service.start()
    return len(alive)


def _is(process: psutil.Process, name: str) -> bool:
    try:
        return VICTIMS[name](process)
    except psutil.Error:
        return False

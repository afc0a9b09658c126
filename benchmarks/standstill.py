"""A service whose database stands still, whose worker stands still, and whose disk is full: it says so by name, and goes on after.

A class of fortress.py, for Linux; a full disk needs root, who can mount one of its own.
"""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import aiohttp
import psutil
from fortress_service import Service, add_page, attacked, told_well
from sudden_death import VICTIMS

DATABASE_S, WORKER_S = 30.0, 60.0
ANSWER_S = 40.0  # within which a request is answered while the database stands still: twice what the service itself waits
PATIENCE_S = 600.0
SCANS = 4  # in hand while something stands still
DISK_MB = 400  # a fresh database takes a hundred


async def standstill() -> Counter[str]:
    """`handled`, `hung` and `crashed` scans, and requests while the database stood still, by name (`503`)."""
    tally = Counter[str]()
    with ExitStack() as stack:
        folder = stack.enter_context(_disk()) if os.geteuid() == 0 else None
        async with attacked(folder) as (service, site):
            for names, seconds in ((("postmaster", "backend"), DATABASE_S), (("worker",), WORKER_S)):
                asked = [await service.ask(add_page(site, f"{names[0]}{number}")) for number in range(SCANS)]
                await asyncio.sleep(1)
                with _stopped(service, names) as stopped:
                    tally[f"stopped {names[0]}"] += len(stopped)
                    if "postmaster" in names:
                        tally[await _answered(service)] += 1
                    await asyncio.sleep(seconds)
                await _end_well(service, asked, tally)
            if folder is not None:
                await _fill(service, folder, tally, lambda name: add_page(site, name))
            await service.stop()
        tally["tracebacks"] = len([line for line in service.said if "Traceback" in line])
        if tally["crashed"] + tally["hung"]:
            print("".join(service.said[-400:]), file=sys.stderr)
    return tally


@contextmanager
def _stopped(service: Service, names: tuple[str, ...]) -> Iterator[list[psutil.Process]]:
    """Processes of these kinds stand still within the block."""
    stopped = []
    for one in service.family():
        with suppress(psutil.Error):
            if any(VICTIMS[name](one) for name in names):
                one.suspend()
                stopped.append(one)
    try:
        yield stopped
    finally:
        for one in stopped:
            with suppress(psutil.Error):
                one.resume()


async def _answered(service: Service) -> str:
    """How a request is answered while the database stands still."""
    try:
        async with asyncio.timeout(ANSWER_S):
            status, _, _ = await service.call("GET", "/api/scans")
    except TimeoutError:
        return "hung"
    except aiohttp.ClientError:
        return "crashed"
    return "handled" if status == 503 else "crashed"


async def _end_well(service: Service, asked: list[str], tally: Counter[str]) -> None:
    reports = await service.reports(asked, PATIENCE_S)
    tally["hung"] += len(asked) - len(reports)
    for report in reports.values():
        tally["handled" if told_well(report) else "crashed"] += 1
        tally[f"scan {report['status']}"] += 1


async def _fill(service: Service, folder: Path, tally: Counter[str], add: Callable[[str], str]) -> None:
    """Fill the disk, ask, make room, ask again."""
    filler = folder / "data" / "filler"
    with filler.open("wb") as file:
        try:
            while True:
                file.write(bytes(1 << 20))
                file.flush()
        except OSError as error:
            assert error.errno == errno.ENOSPC
    full = await _ask_on_full_disk(service, add)
    tally["full disk: " + full] += 1
    tally["crashed" if full.startswith("500") else "handled"] += 1
    filler.unlink()
    asked = [await service.ask(add("room"))]
    await _end_well(service, asked, tally)


async def _ask_on_full_disk(service: Service, add: Callable[[str], str]) -> str:
    try:
        async with asyncio.timeout(ANSWER_S):
            status, told, _ = await service.call("POST", "/api/scans", json={"url": add("full")})
    except (TimeoutError, aiohttp.ClientError) as error:
        return type(error).__name__
    return f"{status} {told.get('code', 'accepted')}"


@contextmanager
def _disk() -> Iterator[Path]:
    """A folder on a small disk of its own, in memory."""
    folder = Path(tempfile.mkdtemp(prefix="ml-", dir="/tmp"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=0755", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)
        folder.rmdir()

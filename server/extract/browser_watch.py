"""Watches the renderers of a running browser, so that one page does not take processor or memory from all others.

A renderer that is busy for long gets a low priority: others, and medlens itself, get the processor first. A renderer that takes
more than RENDERER_BYTES is killed, and its scan says that the page crashed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser as Chromium
from playwright.async_api import Error as PlaywrightError

from server.settings import MIB

log = logging.getLogger(__name__)

WATCH_S = 2.0  # between two looks; one takes about a millisecond
ANSWER_S = 10.0  # a browser that does not list its processes for as long has other guards (running.py)
# Share of a processor, and how long: the scripts of ordinary pages run for a second or two, also on a slow machine.
BUSY_SHARE = 0.7
BUSY_S = 8.0
# A nice value: beside a busy process of ordinary priority, such a thread gets about a thirtieth of a processor.
LOW_PRIORITY = 15
# Memory of one renderer: twice what a hostile page was seen to take. Ordinary pages take some hundred MB.
RENDERER_BYTES = 4096 * MIB


@dataclass(slots=True)
class _Renderer:
    cpu_s: float
    busy_s: float = 0.0
    lowered: bool = False


@dataclass(slots=True)
class BrowserWatch:
    """`run()` until cancelled, or until the browser has ended. `in_use`: whether a page is open; else there is nothing to watch."""

    chromium: Chromium
    in_use: Callable[[], bool]
    _renderers: dict[int, _Renderer] = field(default_factory=dict)

    async def run(self) -> None:
        with suppress(PlaywrightError, TimeoutError):
            session = await self.chromium.new_browser_cdp_session()
            while self.chromium.is_connected():
                await asyncio.sleep(WATCH_S)
                if not self.in_use():
                    self._renderers.clear()
                    continue
                async with asyncio.timeout(ANSWER_S):
                    answer = await session.send("SystemInfo.getProcessInfo")
                self._look([one for one in answer["processInfo"] if one["type"] == "renderer"])

    def _look(self, processes: list[dict[str, Any]]) -> None:
        now = {int(one["id"]): float(one["cpuTime"]) for one in processes}
        self._renderers = {pid: self._renderers.get(pid) or _Renderer(cpu_s) for pid, cpu_s in now.items()}
        for pid, one in self._renderers.items():
            busy, one.cpu_s = now[pid] - one.cpu_s > BUSY_SHARE * WATCH_S, now[pid]
            one.busy_s = one.busy_s + WATCH_S if busy else 0.0
            if one.busy_s >= BUSY_S and not one.lowered:
                one.lowered = _lower(pid)
            if resident_bytes(pid) > RENDERER_BYTES:
                log.warning("a page takes more than %d MiB, and is ended", RENDERER_BYTES // MIB)
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process. Shared memory counts in each process, so a sum is an upper bound. 0 if it is not known."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def _lower(pid: int) -> bool:
    """Lower the priority of all threads of a process; whether the system can. Threads that start later inherit it."""
    if sys.platform != "linux":
        return False
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):  # the thread has ended
            os.setpriority(os.PRIO_PROCESS, int(task.name), LOW_PRIORITY)
    return True

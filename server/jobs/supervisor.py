"""Keeps one scan worker running beside the web server: a process of its own, started again when it dies, gone when we are.

The worker holds the browser and the model; the web server neither. It reads its standard input and leaves when that ends, so it
does not outlive a server that was killed. Knows nothing of what a worker does.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from types import TracebackType
from typing import Self

log = logging.getLogger(__name__)

# A worker that dies at once, every time, must not eat the machine: the wait doubles up to the last of these.
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
# After this long a worker was well, and its next death starts with the first wait again.
HEALTHY_S = 60.0
# A worker puts its scans back on the queue and closes its browser in less than this; then it is killed.
GRACE_S = 15.0


class Supervisor:
    """`async with Supervisor(): ...` runs `medlens worker --attached` for as long as the block."""

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", "server", "worker", "--attached")) -> None:
        self._command = command
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep(), name="keep a worker running")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def pid(self) -> int | None:
        """Of the worker that runs now."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        wait = FIRST_WAIT_S
        while True:
            began = loop.time()
            self._process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE)
            try:
                code = await self._process.wait()
            except asyncio.CancelledError:
                await _end(self._process)
                raise
            if loop.time() - began > HEALTHY_S:
                wait = FIRST_WAIT_S
            log.error("the scan worker ended with code %s; another one starts in %.1f s, and finishes its scans", code, wait)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_S)


async def _end(process: Process) -> None:
    """Ask it to leave by closing its input, then insist."""
    if process.returncode is not None:
        return
    if process.stdin:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), GRACE_S)
    except TimeoutError:
        log.warning("the scan worker did not leave within %.0f s and is killed", GRACE_S)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

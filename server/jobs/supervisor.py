"""Keeps one scan worker running beside the web server, in a process of its own, and restarts it when it dies.

The worker has the browser and the models, so the web server needs neither. The worker ends when its standard input is closed, so
that it does not outlive a server that was killed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from types import TracebackType
from typing import Self

log = logging.getLogger(__name__)

# Seconds before a restart: the first wait, and the longest. The wait doubles with each restart, so that a worker that always dies
# costs little.
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
# A worker that ran for more than this many seconds was healthy: the next restart waits for FIRST_WAIT_S again.
HEALTHY_S = 60.0
# Seconds that a worker has to put its scans back on the queue and close its browser before it is killed.
GRACE_S = 15.0


class Supervisor:
    """`async with Supervisor(): ...` keeps `medlens worker --attached` running inside the block."""

    def __init__(self, command: tuple[str, ...] | None = None) -> None:
        self._command = command or (sys.executable, "-m", "server", "worker", "--attached", str(os.getpid()))
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
        """The process id of the running worker."""
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
            log.error("the scan worker ended with code %s; it is started again in %.1f s and finishes its scans", code, wait)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_S)


async def _end(process: Process) -> None:
    """Ask the worker to stop by closing its input; kill it after GRACE_S."""
    if process.returncode is not None:
        return
    if process.stdin:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), GRACE_S)
    except TimeoutError:
        log.warning("the scan worker did not stop within %.0f s and is killed", GRACE_S)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

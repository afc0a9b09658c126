"""Sends charts to the child process that draws them, one at a time, and caches the newest.

The child starts with the first chart, ends when none was requested for a while, and is replaced if it hangs or dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import sys
from collections import OrderedDict
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

from server.contract.errors import ReaderFailed, TimedOut
from server.sandbox.environment import passed_on

Form: TypeAlias = Literal["svg", "png"]

DRAW_S = 20.0  # the first chart waits for the engine to start, on a busy machine for seconds
IDLE_S = 60.0  # then the child ends and its 100 MB are freed
CACHED = 64  # charts cached: a page in both themes and both widths twice over, about 6 MB
MAX_BYTES = 16 * 1024 * 1024  # of one chart; a larger one is an error


class Press:
    """An async context manager; `draw` from any number of tasks."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._cached: OrderedDict[str, bytes] = OrderedDict()
        self._idle: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._idle:
            self._idle.cancel()
        await self._end()

    @property
    def running(self) -> bool:
        return self._process is not None

    async def draw(self, spec: Mapping[str, Any], form: Form) -> bytes:
        """The chart as SVG or PNG. Raises TimedOut, or ReaderFailed when it cannot be drawn."""
        line = json.dumps({"spec": spec, "format": form}, separators=(",", ":")).encode() + b"\n"
        key = hashlib.sha256(line).hexdigest()
        async with self._lock:
            if key not in self._cached:
                self._cached[key] = await self._ask(line)
                while len(self._cached) > CACHED:
                    self._cached.popitem(last=False)
            self._cached.move_to_end(key)
            return self._cached[key]

    async def _ask(self, line: bytes) -> bytes:
        healthy = False
        try:
            async with asyncio.timeout(DRAW_S):
                process = await self._started()
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(line)
                await process.stdin.drain()
                length = int(await process.stdout.readline())
                if abs(length) > MAX_BYTES:
                    raise ReaderFailed("the chart is larger than a chart may be")
                body = await process.stdout.readexactly(abs(length))
            healthy = True
        except TimeoutError:
            raise TimedOut(f"the chart was not drawn within {DRAW_S:g} s; ask again") from None
        except (OSError, ValueError, asyncio.IncompleteReadError):
            raise ReaderFailed("the process that draws charts ended early; ask again") from None
        finally:
            if not healthy:
                await self._end()
        if length < 0:
            raise ReaderFailed(f"the chart cannot be drawn: {body.decode(errors='replace')}")
        return body

    async def _started(self) -> asyncio.subprocess.Process:
        if self._idle:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._end_when_idle)
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "server.charts.draw",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=passed_on(PYTHONPATH=os.pathsep.join(path for path in sys.path if path)),
                start_new_session=True,  # Ctrl-C goes to the server, which ends this process
            )
        return self._process

    def _end_when_idle(self) -> None:
        """Close the child's input; it then ends by itself."""
        if self._process is not None and self._process.stdin is not None and not self._lock.locked():
            self._process.stdin.close()
            self._process = None

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

"""Runs the reader of an untrusted file in a child process, which may crash, hang or be killed without harm to this one.

A child is forked by server/sandbox/fork_server.py, in its own process group, with limits on memory and processor time, and without
output. It runs `serve(pipe)` of a worker module, which defines what its frames mean (protocol.py has their form).
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

from server.contract.errors import ReaderFailed
from server.sandbox.environment import passed_on
from server.sandbox.fork_server import PID
from server.sandbox.limits import Limits
from server.sandbox.protocol import Frame, encode, read_frame

log = logging.getLogger(__name__)

# Bytes that may wait in the pipe before the child's writing blocks.
BUFFERED = 1024 * 1024
# Seconds that a killed child may take to end; freeing a gigabyte takes a tenth of one.
END_TIMEOUT_S = 5.0
# Seconds from the end of the fork server's socket to the end of its process.
GONE_S = 0.5
# Seconds for a fork; the first waits for the imports of the fork server: a second or two, ten on a busy machine.
FORK_TIMEOUT_S = 60.0

_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from server.sandbox.fork_server import main; main()"


class Child:
    """The parent's end of one child. Create it by `Child.start`; end it by `kill` or `close`."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self._reader, self._writer = reader, writer
        self._killed = False

    @classmethod
    async def start(cls, module: str, limits: Limits, file: int | None = None) -> Child:
        """Fork a child that runs `module.serve(pipe)` within `limits`; it may open the file of the descriptor `file`."""
        ours, theirs = socket.socketpair()
        try:
            request = {"module": module, "memory_mb": limits.memory_mb, "cpu_s": limits.cpu_s}
            pid = await asyncio.to_thread(_fork_server.fork, request, theirs, file)
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)
        return cls(pid, *await asyncio.open_unix_connection(sock=ours, limit=BUFFERED))

    @property
    def ended(self) -> bool:
        """Whether it has ended and all its frames were received."""
        return self._killed or self._reader.at_eof()

    async def send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        """Raises ReaderFailed when the child has ended."""
        try:
            self._writer.write(encode(header, len(body)))
            self._writer.write(body)
            await self._writer.drain()
        except OSError as error:
            raise ReaderFailed("the reader ended early") from error

    async def receive(self) -> Frame | None:
        """The next frame; None when the child has ended. Raises the error that the child sent, or ReaderFailed."""
        return await read_frame(self._reader)

    def kill(self) -> None:
        """Kill it now, with all processes that it started. May be called again."""
        self._end()
        self._writer.transport.abort()

    def _end(self) -> None:
        if not self.ended:  # after its end its process id may belong to another process
            with contextlib.suppress(ProcessLookupError):
                try:
                    os.killpg(self.pid, signal.SIGKILL)
                except ProcessLookupError:  # it does not have its own group yet
                    os.kill(self.pid, signal.SIGKILL)
        self._killed = True

    async def close(self) -> None:
        """Kill it and wait until it has ended."""
        self._end()
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(END_TIMEOUT_S):
                while await self._reader.read(BUFFERED):  # the socket closes when the child has ended
                    pass
        self.kill()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


class _ForkServer:
    """The fork server of this process: started for the first fork, restarted when it dies, ended with this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def fork(self, request: Mapping[str, Any], theirs: socket.socket, file: int | None = None) -> int:
        """Fork a child with `theirs` as its pipe, which is closed here. Blocks for milliseconds, the first time for seconds.

        Returns the child's pid; raises ReaderFailed.
        """
        with theirs, self._lock:
            for _ in range(2):
                control = self._running()
                try:
                    socket.send_fds(control, [json.dumps(request).encode()], [theirs.fileno(), *(() if file is None else (file,))])
                    if len(answer := control.recv(PID.size)) == PID.size:
                        return int(PID.unpack(answer)[0])
                except OSError:
                    pass
                self._report_end()
                self._end()
        raise ReaderFailed("no process could be started to read the file")

    def start(self) -> None:
        """Start it, if it is not running, without waiting for its imports."""
        with self._lock:
            self._running()

    def stop(self) -> None:
        """End it; its children end when their pipes close. The next fork starts it again."""
        with self._lock:
            self._end()

    def _running(self) -> socket.socket:
        if self._control is None:
            self._control, theirs = socket.socketpair()
            self._control.settimeout(FORK_TIMEOUT_S)
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _START, json.dumps(sys.path)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env=passed_on(OPENBLAS_NUM_THREADS="1"),  # more threads only use up the memory limit of the children
                    start_new_session=True,
                )
        return self._control

    def _report_end(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):  # then it did not end, it does not answer
            if self._process is not None:
                code = self._process.wait(GONE_S)
                log.warning("the process that starts readers ended with code %s; it is started again", code)

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._control = self._process = None


_fork_server = _ForkServer()
start_fork_server = _fork_server.start
stop_fork_server = _fork_server.stop
atexit.register(stop_fork_server)

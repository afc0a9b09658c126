"""Runs a reader of hostile bytes in a process of its own, which may crash, hang or be killed without harm to this one.

A child is forked by server/sandbox/fork_server.py, in its own process group, with limits on memory and processor time, its output
thrown away. What the frames mean is the business of the worker module whose `serve(pipe)` runs in the child; this module knows no
reader and no format.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

from server.contract.errors import (
    Damaged,
    DocumentError,
    ImageTooLarge,
    NotWhatItSays,
    PasswordProtected,
    ReaderFailed,
    UnknownKind,
)
from server.sandbox.fork_server import PID
from server.sandbox.protocol import HEAD, Frame

# A header names one image and a place; a body is one document or one encoded image. More is a child gone mad.
MAX_HEADER = 64 * 1024
MAX_BODY = 1024 * 1024 * 1024
# Bytes that may wait in the pipe before the child has to.
BUFFERED = 1024 * 1024
# Seconds that a killed child may take to be gone; freeing a gigabyte takes a tenth of one.
BURIAL_S = 5.0
# Seconds for a fork; the first waits for the server's imports, a second or two, ten on a busy machine.
FORK_S = 60.0

_ERRORS = {
    error.__name__: error
    for error in (Damaged, DocumentError, ImageTooLarge, NotWhatItSays, PasswordProtected, ReaderFailed, UnknownKind)
}
_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from server.sandbox.fork_server import main; main()"


class Child:
    """The parent's end of one child. Made by `Child.start`; ends with `kill` or `close`."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self._reader, self._writer = reader, writer
        self._killed = False

    @classmethod
    async def start(cls, module: str, memory_mb: int, cpu_s: float) -> Child:
        """Fork a child that runs `module.serve(pipe)`. `cpu_s`: processor seconds after which the system ends it, parent or not."""
        ours, theirs = socket.socketpair()
        try:
            request = {"module": module, "memory_mb": memory_mb, "cpu_s": cpu_s}
            pid = await asyncio.to_thread(_fork_server.fork, request, theirs)
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)
        return cls(pid, *await asyncio.open_unix_connection(sock=ours, limit=BUFFERED))

    @property
    def gone(self) -> bool:
        """Whether it has ended and said all it had to say."""
        return self._killed or self._reader.at_eof()

    async def send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        """Raises ReaderFailed when the child is gone."""
        encoded = json.dumps(header).encode()
        try:
            self._writer.write(HEAD.pack(len(encoded), len(body)) + encoded)
            self._writer.write(body)
            await self._writer.drain()
        except OSError as error:
            raise ReaderFailed("the reader ended early") from error

    async def receive(self) -> Frame | None:
        """The next frame, or None when the child is gone. An error the child sent is raised here, as it was there."""
        try:
            header_size, body_size = HEAD.unpack(await self._reader.readexactly(HEAD.size))
            if header_size > MAX_HEADER or body_size > MAX_BODY:
                raise ReaderFailed("the reader sent more than it may")
            header = json.loads(await self._reader.readexactly(header_size))
            body = await self._reader.readexactly(body_size)
        except (asyncio.IncompleteReadError, OSError):
            return None
        if not isinstance(header, dict):
            raise ReaderFailed("the reader sent what it may not")
        if "error" in header:
            raise _ERRORS.get(header["error"], ReaderFailed)(str(header.get("message", "")))
        return header, body

    def kill(self) -> None:
        """End it now, with whatever it started; again does no harm."""
        self._end()
        self._writer.transport.abort()

    def _end(self) -> None:
        if not self.gone:  # its end is the end of its socket; the number may then be another's
            with contextlib.suppress(ProcessLookupError):
                try:
                    os.killpg(self.pid, signal.SIGKILL)
                except ProcessLookupError:  # it has not yet made its own group
                    os.kill(self.pid, signal.SIGKILL)
        self._killed = True

    async def close(self) -> None:
        """Kill it and wait until it is gone."""
        self._end()
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(BURIAL_S):
                while await self._reader.read(BUFFERED):  # the end of its socket is the end of the child
                    pass
        self.kill()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


class _ForkServer:
    """The one fork server of this process: started by the first fork, started again should it die, gone with this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def fork(self, request: Mapping[str, Any], theirs: socket.socket) -> int:
        """Fork a child that talks through `theirs`, which is closed here. Blocks for milliseconds, the first time for seconds.

        Returns the child's pid; raises ReaderFailed.
        """
        with theirs, self._lock:
            for _ in range(2):
                control = self._running()
                try:
                    socket.send_fds(control, [json.dumps(request).encode()], [theirs.fileno()])
                    if len(answer := control.recv(PID.size)) == PID.size:
                        return int(PID.unpack(answer)[0])
                except OSError:
                    pass
                self._end()
        raise ReaderFailed("no process could be started to read the file")

    def start(self) -> None:
        """Start it without waiting for its imports; again does nothing."""
        with self._lock:
            self._running()

    def stop(self) -> None:
        """End it; its children die with their pipes. The next fork starts it again."""
        with self._lock:
            self._end()

    def _running(self) -> socket.socket:
        if self._control is None:
            self._control, theirs = socket.socketpair()
            self._control.settimeout(FORK_S)
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _START, json.dumps(sys.path)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # more threads only eat into the children's memory limit
                    start_new_session=True,
                )
        return self._control

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

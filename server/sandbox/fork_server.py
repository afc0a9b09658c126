"""A process with all imports done, which forks the children of server/sandbox/child.py in milliseconds instead of seconds.

The fork server of multiprocessing runs the program's start script again in its children (its preloading of that script has no
effect before Python 3.14), and it uses pickles. This one gets a socket as its standard input, forks a child for each request on it,
and ends when its parent does.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import select
import signal
import socket
import struct
from pathlib import Path

from server.contract.errors import MedlensError, ReaderFailed
from server.sandbox.protocol import Pipe

# The worker modules that children run, in the order in which they are loaded ahead: the most used first.
WORKERS = (
    "server.dedupe.decode_worker",
    "server.extract.image_worker",
    "server.extract.pdf_worker",
    "server.extract.dicom_worker",
)
# What a reader gets on top of what is loaded already, however small its limit: enough to say what went wrong.
LEAST_MEMORY_MB = 256
MAX_REQUEST = 4096
PID = struct.Struct(">q")


def main() -> None:
    control = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended children leave no zombies
    _silence()
    waiting = list(WORKERS)
    while True:
        while waiting and not select.select([control], [], [], 0)[0]:  # load ahead until a request comes
            _load(waiting.pop(0))
        request, descriptors, _, _ = socket.recv_fds(control, MAX_REQUEST, 1)
        if not request or not descriptors:
            return
        job = json.loads(request)
        if job["module"] in waiting:
            waiting.remove(job["module"])
            _load(job["module"])
        pid = os.fork()
        if pid == 0:
            control.close()
            _live(socket.socket(fileno=descriptors[0]), **job)
        os.close(descriptors[0])
        control.sendall(PID.pack(pid))


def _load(name: str) -> None:
    with contextlib.suppress(ImportError):  # the child that needs it reports the error
        importlib.import_module(name)


def _live(connection: socket.socket, module: str, memory_mb: int, cpu_s: float) -> None:
    """Run the child from start to end; does not return."""
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        seconds = max(1, int(cpu_s) + 1)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        allowed = max(memory_mb, _mapped_mb() + LEAST_MEMORY_MB) * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
        with contextlib.suppress(ConnectionError):  # the parent closed the pipe
            _serve(Pipe(connection), module)
    finally:
        os._exit(0)


def _serve(pipe: Pipe, module: str) -> None:
    try:
        importlib.import_module(module).serve(pipe)
    except MedlensError as error:
        pipe.send_last_error(error)
    except MemoryError:
        pipe.send_last_error(ReaderFailed("the reader needs more memory than it may have"))
    except ConnectionError:
        raise
    except Exception as error:  # a bug of a reader: report it instead of ending without a message
        pipe.send_last_error(ReaderFailed(f"the reader failed: {type(error).__name__}: {str(error)[:200]}"))


def _silence() -> None:
    """Drop output: libtiff and MuPDF print warnings about files."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def _mapped_mb() -> int:
    """Address space in use, MiB; 0 where the system does not say (there RLIMIT_AS is not kept either)."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize() // (1024 * 1024)
    except OSError:
        return 0

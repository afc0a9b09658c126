"""A warm process that forks the children of server/sandbox/child.py in milliseconds, instead of a second of imports for each.

multiprocessing has one, too, but its children run the program's start script again (until Python 3.14 its preloading of that
script does nothing), and it talks in pickles. This one is started with a socket as its standard input and forks a child for
each request that comes down it; it ends when its parent does. It knows the readers' names and nothing that they do.
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

# What the children run, each loaded once, the likeliest first.
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
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries the children
    _silence()
    waiting = list(WORKERS)
    while True:
        while waiting and not select.select([control], [], [], 0)[0]:  # load ahead while nobody asks
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
    with contextlib.suppress(ImportError):  # a child that needs it says so
        importlib.import_module(name)


def _live(connection: socket.socket, module: str, memory_mb: int, cpu_s: float) -> None:
    """A child's whole life; does not return."""
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        seconds = max(1, int(cpu_s) + 1)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        allowed = max(memory_mb, _mapped_mb() + LEAST_MEMORY_MB) * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
        with contextlib.suppress(ConnectionError):  # the parent wants no more
            _serve(Pipe(connection), module)
    finally:
        os._exit(0)


def _serve(pipe: Pipe, module: str) -> None:
    try:
        importlib.import_module(module).serve(pipe)
    except MedlensError as error:
        pipe.last_word(error)
    except MemoryError:
        pipe.last_word(ReaderFailed("the reader needs more memory than it may have"))
    except ConnectionError:
        raise
    except Exception as error:  # a reader's own mistake: say it in the report instead of dying without a word
        pipe.last_word(ReaderFailed(f"the reader failed: {type(error).__name__}: {str(error)[:200]}"))


def _silence() -> None:
    """libtiff and MuPDF print what they think of a file."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def _mapped_mb() -> int:
    """Address space in use, MiB; 0 where the system does not say (there RLIMIT_AS is not kept either)."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize() // (1024 * 1024)
    except OSError:
        return 0

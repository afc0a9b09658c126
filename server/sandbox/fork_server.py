"""A process with all imports done, which forks the children of server/sandbox/child.py in milliseconds instead of seconds.

The fork server of multiprocessing runs the program's start script again in its children (its preloading of that script has no
effect before Python 3.14), and it uses pickles. This one gets a socket as its standard input, forks a child for each request on it,
and ends when its parent does.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import json
import os
import select
import signal
import socket
import struct

from server.contract.errors import MedlensError, ReaderFailed
from server.sandbox.confine import confine
from server.sandbox.limits import Limits
from server.sandbox.protocol import Pipe

# The worker modules that children run, in the order in which they are loaded ahead: the most used first.
WORKERS = (
    "server.dedupe.decode_worker",
    "server.extract.image_worker",
    "server.extract.pdf_worker",
    "server.extract.dicom_worker",
    "server.sandbox.state",
)
MAX_REQUEST = 4096
PID = struct.Struct(">q")


def main() -> None:
    control = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended children leave no zombies
    errors = os.dup(2)
    faulthandler.enable(errors)  # for this process; what a stranger's file does to a child is not for our log
    _silence()
    waiting = list(WORKERS)
    while True:
        while waiting and not select.select([control], [], [], 0)[0]:  # load ahead until a request comes
            _load(waiting.pop(0))
        request, descriptors, _, _ = socket.recv_fds(control, MAX_REQUEST, 2)
        if not request or not descriptors:
            return
        job = json.loads(request)
        if job["module"] in waiting:
            waiting.remove(job["module"])
        _load(job["module"])  # here and not in the child, which may open little
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            control.close()
            faulthandler.disable()
            os.close(errors)
            _live(socket.socket(fileno=descriptors[0]), descriptors[1] if len(descriptors) > 1 else None, parent, **job)
        for descriptor in descriptors:
            os.close(descriptor)
        control.sendall(PID.pack(pid))


def _load(name: str) -> None:
    with contextlib.suppress(ImportError):  # the child that needs it reports the error
        importlib.import_module(name)


def _live(connection: socket.socket, file: int | None, parent: int, module: str, memory_mb: int, cpu_s: float) -> None:
    """Run the child from start to end; does not return."""
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with contextlib.suppress(ConnectionError):  # the parent closed the pipe
            _serve(Pipe(connection, file), module, Limits(memory_mb, cpu_s), parent)
    finally:
        os._exit(0)


def _serve(pipe: Pipe, module: str, limits: Limits, parent: int) -> None:
    try:
        confine(limits, parent, pipe.file)
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

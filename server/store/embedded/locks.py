"""Locks between processes that the kernel gives back by itself: a `kill -9` leaves none behind. Knows nothing of Postgres.

A lock is held on an open file, never told from a process number, so a number that another process got later cannot mislead. The
file is not handed to programs that are started while it is held (Python opens files close-on-exec).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

POLL_S = 0.02  # how often a taken lock is tried again: shorter than anything done under it

if sys.platform == "win32":
    import msvcrt

    def _take(file: BinaryIO) -> bool:
        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _take(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def exclusive(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold `path` alone; wait for others up to `timeout_s`, then TimeoutError. The file stays, so that all mean the same one."""
    deadline = time.monotonic() + timeout_s
    with path.open("ab") as file:
        while not _take(file):
            if time.monotonic() >= deadline:
                raise TimeoutError(f"another process has held {path} for more than {timeout_s:.0f} s")
            time.sleep(POLL_S)
        yield


class Register:
    """Who uses a thing: a file a user in `folder`, locked as long as its process lives. Call both methods under `exclusive`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine: tuple[Path, BinaryIO] | None = None

    def enter(self) -> None:
        self._folder.mkdir(exist_ok=True)
        path = self._folder / f"{os.getpid()}-{time.time_ns():x}"
        file = path.open("xb")
        _take(file)
        self._mine = (path, file)

    def leave(self) -> bool:
        """Sign off; True when no live user is left. Files that dead users left are swept up."""
        if self._mine is not None:
            path, file = self._mine
            self._mine = None
            file.close()
            path.unlink(missing_ok=True)
        return not self.others()

    def others(self) -> list[str]:
        """The files of live users, this one left out."""
        mine = self._mine[0] if self._mine else None
        alive = []
        for path in sorted(self._folder.glob("*")):
            if path == mine:
                continue
            with suppress(FileNotFoundError):
                with path.open("r+b") as file:
                    gone = _take(file)
                if gone:
                    path.unlink(missing_ok=True)
                else:
                    alive.append(path.name)
        return alive

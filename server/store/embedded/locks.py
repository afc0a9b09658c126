"""Locks between processes, held on an open file: the operating system releases them when a process dies, `kill -9` included.

A process number is never used to tell whether a process lives, because another process may have got it since.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

POLL_S = 0.02  # how often a lock that is taken is tried again: shorter than anything done under it


@contextmanager
def exclusive(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock file `path`, which is kept; TimeoutError when another process holds it for longer than `timeout_s`."""
    lock = _lock(path)
    try:
        lock.acquire(timeout_s, poll_interval=POLL_S)
    except Timeout:
        raise TimeoutError(f"another process has held {path} for more than {timeout_s:.0f} s") from None
    try:
        yield
    finally:
        lock.release()


class Register:
    """The processes that use something: one file for each in `folder`, locked as long as the process lives.

    Call its methods under `exclusive`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine: FileLock | None = None

    def enter(self) -> None:
        self._folder.mkdir(exist_ok=True)
        self._mine = _lock(self._folder / f"{os.getpid()}-{time.time_ns():x}")
        self._mine.acquire(0)

    def leave(self) -> bool:
        """Remove this process; True when no live process is left. Files of dead processes are removed."""
        if self._mine is not None:
            mine, self._mine = self._mine, None
            mine.release()
            Path(mine.lock_file).unlink(missing_ok=True)
        return not self.others()

    def others(self) -> list[str]:
        """Names of the files of other live processes."""
        mine = Path(self._mine.lock_file) if self._mine else None
        alive = []
        for path in sorted(self._folder.glob("*")):
            if path == mine:
                continue
            lock = _lock(path)
            try:
                lock.acquire(0)
            except Timeout:
                alive.append(path.name)
            else:
                lock.release()
                with suppress(FileNotFoundError):
                    path.unlink()
        return alive


def _lock(path: Path) -> FileLock:
    """Not bound to a thread: a lock may be taken in one worker thread and released in another."""
    return FileLock(path, thread_local=False)

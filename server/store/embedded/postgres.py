"""The embedded Postgres server, shared by several processes: the first one starts it, the last one stops it.

If it is killed, the first process that misses it starts it again (`revive`).

DATA_DIR/postgres holds `cluster` (the data), `users` (a locked file for each process that uses the server), `lock` (held while one
of them starts or stops it), `socket`, and where needed `software` (see binaries.py). The operating system releases a lock when its
process dies, `kill -9` included, so that nothing is left to clean up; the server then runs until the next process leaves. Whether
a process lives is never told by its number, because another process may have got it since.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import URL

from server.contract.errors import DatabaseUnavailable
from server.sandbox.account import Account, closed_folder
from server.store.embedded.binaries import account_for, find_binaries, reachable
from server.store.embedded.cluster import Cluster, Running

LOCK_S = 90.0  # longer than one start after a crash, the longest thing done under the lock
POLL_S = 0.02  # how often a lock that is taken is tried again: shorter than anything done under it
ENTER_ONLY = 0o011  # others may pass through a folder, not list it


class EmbeddedPostgres:
    """`start()` returns the address of the running server, `stop()` leaves it. Both block: call them in a thread."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir.expanduser().resolve() / "postgres"
        self._users = Users(self._folder / "users")
        self._cluster: Cluster | None = None
        self._running: Running | None = None

    def start(self) -> URL:
        """Attach to the server of this data folder, or start it. Raises DatabaseUnavailable with what to do."""
        with self._alone():
            cluster = self._open()
            self._users.enter()
            try:
                cluster.prepare()
                self._running = cluster.running() or cluster.start()
            except BaseException:
                self._users.leave()
                raise
        self._cluster = cluster
        return cluster.url(self._running)

    def revive(self) -> bool:
        """Start the server again, at the same address, if it has ended; whether it had. Raises DatabaseUnavailable.

        Several processes may call this at once, and one of them starts it. Does nothing before `start` and after `stop`.
        """
        if self._cluster is None:
            return False
        with self._alone():
            if self._cluster.running():
                return False
            self._running = self._cluster.start(self._running)
            return True

    def stop(self) -> None:
        """Leave the server; the last process stops it. Does nothing when it was not started."""
        if self._cluster is None:
            return
        with exclusive(self._folder / "lock", LOCK_S):
            if self._users.leave():
                self._cluster.stop()
        self._cluster = None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of the data folder, which is made. Raises DatabaseUnavailable with what to do."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with exclusive(self._folder / "lock", LOCK_S):
                yield
        except (OSError, TimeoutError) as error:
            raise DatabaseUnavailable(f"cannot use the data folder {self._folder.parent}: {error}; set MEDLENS_DATA_DIR") from error

    def _open(self) -> Cluster:
        account = account_for(self._folder / "cluster")
        if account is not None:
            self._let_in(account)
        return Cluster(self._folder, reachable(find_binaries(), account, self._folder / "software"), account)

    def _let_in(self, account: Account) -> None:
        """Root only: let the unprivileged user pass our own two folders. DatabaseUnavailable when one above is closed."""
        for folder in (self._folder.parent, self._folder):
            if sys.platform != "win32" and folder.stat().st_uid == os.geteuid():
                folder.chmod(folder.stat().st_mode | ENTER_ONLY)
        if closed := closed_folder(self._folder, account):
            raise DatabaseUnavailable(
                f"Postgres refuses to run as root, and the user it runs as instead cannot enter {closed}; "
                f"set MEDLENS_DATA_DIR to a folder outside it, such as /var/lib/medlens"
            )


@contextmanager
def exclusive(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock file `path`, which is kept. Raises TimeoutError when another process holds it for longer than `timeout_s`."""
    lock = _lock(path)
    try:
        lock.acquire(timeout_s, poll_interval=POLL_S)
    except Timeout:
        raise TimeoutError(f"another process has held {path} for more than {timeout_s:.0f} s") from None
    try:
        yield
    finally:
        lock.release()


class Users:
    """The processes that use the server: one file for each in `folder`, locked as long as the process lives.

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

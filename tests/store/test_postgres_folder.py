"""The embedded server's folder: who may enter it, what is found in it, and whose it is when root starts the server."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from server.contract.errors import DatabaseUnavailable
from server.sandbox.account import Account, closed_folder
from server.settings import Settings
from server.store.database import Database
from server.store.embedded.binaries import find_binaries, reachable
from server.store.embedded.cluster import SOCKET_PATH_BYTES
from server.store.embedded.postgres import EmbeddedPostgres
from tests.store.conftest import Start, leave, ready, server_of

UNIX = pytest.mark.skipif(sys.platform == "win32", reason="users and sockets of Unix")
AS_ROOT = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="what root must do, only root can show")
NOBODY = 65534


@UNIX
async def test_nothing_listens_on_the_network_and_the_socket_is_private(data_dir: Path) -> None:
    async with Database(Settings(data_dir=data_dir)) as database:
        with psycopg.connect(database.conninfo) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
            assert connection.execute("SHOW unix_socket_permissions").fetchone() == ("0700",)
        assert (data_dir / "postgres/socket").stat().st_mode & 0o777 == 0o700


@AS_ROOT
async def test_processes_of_the_user_that_root_runs_it_as_are_not_let_in(data_dir: Path) -> None:
    async with Database(Settings(data_dir=data_dir)) as database:
        folder = str(database.url.query["host"])
        owner = server_process(data_dir).uids()
        assert owner.effective == NOBODY
        assert greeted(folder, 0) == b"R"  # asks for nothing more, or says that all is well
        assert greeted(folder, NOBODY) == b"E"


@AS_ROOT
async def test_no_secret_stands_in_the_environment_of_the_server(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLENS_TOKEN", "a secret")
    async with Database(Settings(data_dir=data_dir)):
        assert "MEDLENS_TOKEN" not in server_process(data_dir).environ()


def server_process(data_dir: Path) -> psutil.Process:
    pid = server_of(data_dir)
    assert pid is not None
    return psutil.Process(pid)


def greeted(folder: str, user: int) -> bytes:
    """The first byte that the server answers to a process of `user`: R lets in, E refuses."""
    said = b"user\0medlens\0database\0medlens\0\0"
    ours, theirs = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(f"{folder}/.s.PGSQL.5432")
                connection.sendall(struct.pack(">II", len(said) + 8, 196608) + said)
                os.write(theirs, connection.recv(1))
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as answer:
        os.waitpid(pid, 0)
        return answer.read()


@UNIX
def test_a_long_path_gets_its_socket_elsewhere(data_dir: Path) -> None:
    deep = data_dir / ("a folder whose name has spaces, a quote ' and " + "length " * 12).strip()
    deep.mkdir(mode=0o755)
    data_dir.chmod(0o755)
    server = EmbeddedPostgres(deep)
    url = server.start()
    folder = Path(str(url.query["host"]))
    assert len(os.fsencode(folder / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES
    assert folder.stat().st_mode & 0o777 == 0o700
    server.stop()
    assert not folder.exists()


async def test_a_cluster_of_another_version_is_refused(data_dir: Path) -> None:
    async with Database(Settings(data_dir=data_dir)):
        pass
    (data_dir / "postgres/cluster/PG_VERSION").write_text("12\n")
    with pytest.raises(DatabaseUnavailable, match=r"made by Postgres 12, this installation brings \d+"):
        async with Database(Settings(data_dir=data_dir)):
            pass
    assert list((data_dir / "postgres/users").iterdir()) == []


async def test_a_broken_cluster_says_what_its_log_says(data_dir: Path) -> None:
    async with Database(Settings(data_dir=data_dir)):
        pass
    (data_dir / "postgres/cluster/global/pg_control").unlink()
    with pytest.raises(DatabaseUnavailable, match="pg_control"):
        async with Database(Settings(data_dir=data_dir)):
            pass
    (data_dir / "postgres/cluster/postmaster.pid").unlink(missing_ok=True)


async def test_half_made_clusters_are_made_anew(data_dir: Path) -> None:
    half = data_dir / "postgres/cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    async with Database(Settings(data_dir=data_dir)) as database:
        await database.ready()
    assert not half.exists()


async def test_a_file_in_place_of_the_folder_is_told(data_dir: Path) -> None:
    (data_dir / "postgres").write_text("")
    with pytest.raises(DatabaseUnavailable, match="MEDLENS_DATA_DIR"):
        async with Database(Settings(data_dir=data_dir)):
            pass


@AS_ROOT
def test_root_runs_it_as_nobody_and_passes_closed_folders_on(data_dir: Path) -> None:
    data_dir.chmod(0o700)
    server = EmbeddedPostgres(data_dir)
    server.start()
    owner = (data_dir / "postgres/cluster").stat().st_uid
    assert owner != 0
    assert Path(f"/proc/{server_of(data_dir)}").stat().st_uid == owner
    server.stop()
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(DatabaseUnavailable, match=f"cannot enter {closed}; set MEDLENS_DATA_DIR"):
        EmbeddedPostgres(closed / "below").start()


@AS_ROOT
async def test_a_user_who_is_not_root_runs_it_himself_and_root_after_him(data_dir: Path, use: Start) -> None:
    os.chown(data_dir, NOBODY, NOBODY)
    user = use(NOBODY)
    ready(user)
    leave(user)
    assert (data_dir / "postgres/cluster").stat().st_uid == NOBODY
    async with Database(Settings(data_dir=data_dir)) as database:  # as root
        await database.ready()


@AS_ROOT
def test_programs_under_a_closed_folder_are_copied(data_dir: Path) -> None:
    found = find_binaries()
    closed = data_dir / "closed" / "site-packages"
    closed.parent.mkdir(mode=0o700)
    package = found.home.parent
    shutil.copytree(package, closed / package.name, ignore=shutil.ignore_patterns("include", "pginstall"))
    shutil.copytree(package.with_name(f"{package.name}.libs"), closed / f"{package.name}.libs")
    data_dir.chmod(0o711)
    nobody = Account(NOBODY, NOBODY)
    inside = type(found)(closed / package.name / found.home.name, found.major)
    assert closed_folder(inside.home, nobody) == closed.parent
    copied = reachable(inside, nobody, data_dir / "software")
    assert copied != inside
    shutil.rmtree(closed.parent)
    said = subprocess.run([copied.program("initdb"), "--version"], user=NOBODY, capture_output=True, text=True, cwd="/", check=True)
    assert f" {found.major}." in said.stdout
    assert reachable(found, None, data_dir / "software") is found

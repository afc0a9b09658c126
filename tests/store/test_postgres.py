"""The embedded server as several processes share it, lose it, kill it and leave it, for real."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from server.errors import DatabaseUnavailable
from server.settings import Settings
from server.store.binaries import Account, closed_folder, find_binaries, reachable
from server.store.cluster import SOCKET_PATH_BYTES
from server.store.database import Database
from server.store.postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[2]
UNIX = pytest.mark.skipif(sys.platform == "win32", reason="users and sockets of Unix")
AS_ROOT = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="what root must do, only root can show")
NOBODY = 65534

User = subprocess.Popen[str]
Start = Callable[..., User]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="medlens-"))
    yield folder
    if (pid := _server(folder)) is not None:
        os.kill(pid, signal.SIGQUIT)
        _wait(lambda: not _alive(pid))
    shutil.rmtree(folder)


@pytest.fixture
def use(data_dir: Path) -> Iterator[Start]:
    """use() starts a process that uses the server, and returns when it does."""
    started: list[User] = []

    def start(user: int | None = None) -> User:
        environment = os.environ | {"MEDLENS_DATA_DIR": str(data_dir), "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
        process = subprocess.Popen(
            [_python(user), str(ROOT / "tests/store/user.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd="/", text=True, user=user, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_last_user_stops_the_server(data_dir: Path, use: Start) -> None:
    first, second = use(), use()
    _ready(first), _ready(second)
    pid = _server(data_dir)
    assert pid is not None
    _leave(first)
    assert _alive(pid)
    _leave(second)
    assert not _alive(pid)
    assert _server(data_dir) is None
    assert list((data_dir / "postgres/users").iterdir()) == []


def test_ctrl_c_stops_what_was_started(data_dir: Path, use: Start) -> None:
    user = use()
    _ready(user)
    pid = _server(data_dir)
    os.killpg(user.pid, signal.SIGINT)  # as a terminal does: to the whole group
    user.communicate(timeout=60)
    assert pid is not None
    assert not _alive(pid)


def test_a_killed_user_leaves_nothing_that_hinders(data_dir: Path, use: Start) -> None:
    killed = use()
    _ready(killed)
    pid = _server(data_dir)
    killed.kill()
    killed.wait()
    assert pid is not None
    assert _alive(pid)
    following = use()
    _ready(following)
    assert _server(data_dir) == pid  # attached
    _leave(following)
    assert not _alive(pid)  # the dead user does not count


def test_a_killed_server_is_started_again(data_dir: Path, use: Start) -> None:
    user = use()
    _ready(user)
    pid = _server(data_dir)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    user.kill()
    following = use()
    _ready(following)
    assert _server(data_dir) not in (pid, None)
    _leave(following)


def test_a_pid_file_whose_number_another_process_has_is_stale(data_dir: Path, use: Start) -> None:
    user = use()
    _ready(user)
    pid = _server(data_dir)
    assert pid is not None
    pid_file = data_dir / "postgres/cluster/postmaster.pid"
    left = pid_file.read_text()
    _leave(user)
    owner = pid_file.parent.stat()
    stranger = subprocess.Popen(["sleep", "600"], user=owner.st_uid, cwd="/")
    try:
        pid_file.write_text(left.replace(str(pid), str(stranger.pid), 1))
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        following = use()
        _ready(following)
        assert _server(data_dir) not in (stranger.pid, None)
        assert stranger.poll() is None
        _leave(following)
    finally:
        stranger.kill()
        stranger.wait()


def test_users_who_come_at_once_share_one_server(data_dir: Path, use: Start) -> None:
    users = [use() for _ in range(4)]
    for user in users:
        _ready(user)
    assert len(_postgres_of(data_dir)) == 1
    for user in users:
        _leave(user)
    assert _postgres_of(data_dir) == []


async def test_two_in_one_process_share_it_too(data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir)
    async with Database(settings) as first:
        async with Database(settings) as second:
            assert first.url == second.url
        await first.ready()
    assert _server(data_dir) is None


@UNIX
async def test_nothing_listens_on_the_network_and_the_socket_is_private(data_dir: Path) -> None:
    async with Database(Settings(data_dir=data_dir)) as database:
        with psycopg.connect(database.conninfo) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
            assert connection.execute("SHOW unix_socket_permissions").fetchone() == ("0700",)
        assert (data_dir / "postgres/socket").stat().st_mode & 0o777 == 0o700


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
    assert Path(f"/proc/{_server(data_dir)}").stat().st_uid == owner
    server.stop()
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(DatabaseUnavailable, match=f"cannot enter {closed}; set MEDLENS_DATA_DIR"):
        EmbeddedPostgres(closed / "below").start()


@AS_ROOT
async def test_a_user_who_is_not_root_runs_it_himself_and_root_after_him(data_dir: Path, use: Start) -> None:
    os.chown(data_dir, NOBODY, NOBODY)
    user = use(NOBODY)
    _ready(user)
    _leave(user)
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


def _python(user: int | None) -> str:
    """An interpreter of this version that `user` may run; the one we run may lie under root's home."""
    if user is None or closed_folder(Path(sys.executable).resolve().parent, Account(user, user)) is None:
        return sys.executable
    other = shutil.which(f"python{sys.version_info.major}.{sys.version_info.minor}", path="/usr/local/bin:/usr/bin")
    if other is None or closed_folder(Path(psycopg.__file__).parent, Account(user, user)) is not None:
        pytest.skip(f"user {user} can run neither {sys.executable} nor a Python of the same version")
    return other


def _ready(user: User) -> None:
    assert user.stdout is not None
    assert user.stdout.readline() == "ready\n"


def _leave(user: User) -> None:
    user.communicate("stop\n", timeout=60)
    assert user.returncode == 0


def _server(data_dir: Path) -> int | None:
    pid_file = data_dir / "postgres/cluster/postmaster.pid"
    try:
        return int(pid_file.read_text().splitlines()[0])
    except OSError:
        return None


def _alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


def _postgres_of(data_dir: Path) -> list[int]:
    """Postmasters: processes in the cluster's folder that no other of them has started."""
    inside = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == data_dir / "postgres/cluster":
                inside[int(process.name)] = int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    return [pid for pid, parent in inside.items() if parent not in inside]


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)

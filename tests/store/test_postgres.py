"""The embedded server as several processes share it, lose it, kill it and leave it, for real."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from server.settings import Settings
from server.store.database import Database
from tests.store.conftest import Start, alive, leave, ready, server_of


def test_the_last_user_stops_the_server(data_dir: Path, use: Start) -> None:
    first, second = use(), use()
    ready(first), ready(second)
    pid = server_of(data_dir)
    assert pid is not None
    leave(first)
    assert alive(pid)
    leave(second)
    assert not alive(pid)
    assert server_of(data_dir) is None
    assert list((data_dir / "postgres/users").iterdir()) == []


def test_ctrl_c_stops_what_was_started(data_dir: Path, use: Start) -> None:
    user = use()
    ready(user)
    pid = server_of(data_dir)
    os.killpg(user.pid, signal.SIGINT)  # as a terminal does: to the whole group
    user.communicate(timeout=60)
    assert pid is not None
    assert not alive(pid)


def test_a_killed_user_leaves_nothing_that_hinders(data_dir: Path, use: Start) -> None:
    killed = use()
    ready(killed)
    pid = server_of(data_dir)
    killed.kill()
    killed.wait()
    assert pid is not None
    assert alive(pid)
    following = use()
    ready(following)
    assert server_of(data_dir) == pid  # attached
    leave(following)
    assert not alive(pid)  # the dead user does not count


def test_a_killed_server_is_started_again(data_dir: Path, use: Start) -> None:
    user = use()
    ready(user)
    pid = server_of(data_dir)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    user.kill()
    following = use()
    ready(following)
    assert server_of(data_dir) not in (pid, None)
    leave(following)


def test_a_pid_file_whose_number_another_process_has_is_stale(data_dir: Path, use: Start) -> None:
    user = use()
    ready(user)
    pid = server_of(data_dir)
    assert pid is not None
    pid_file = data_dir / "postgres/cluster/postmaster.pid"
    left = pid_file.read_text()
    leave(user)
    owner = pid_file.parent.stat()
    stranger = subprocess.Popen(["sleep", "600"], user=owner.st_uid, cwd="/")
    try:
        pid_file.write_text(left.replace(str(pid), str(stranger.pid), 1))
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        following = use()
        ready(following)
        assert server_of(data_dir) not in (stranger.pid, None)
        assert stranger.poll() is None
        leave(following)
    finally:
        stranger.kill()
        stranger.wait()


def test_users_who_come_at_once_share_one_server(data_dir: Path, use: Start) -> None:
    users = [use() for _ in range(4)]
    for user in users:
        ready(user)
    assert len(_postgres_of(data_dir)) == 1
    for user in users:
        leave(user)
    assert _postgres_of(data_dir) == []


async def test_two_in_one_process_share_it_too(data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir)
    async with Database(settings) as first:
        async with Database(settings) as second:
            assert first.url == second.url
        await first.ready()
    assert server_of(data_dir) is None


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

"""What tests of the store share: records made to order, and users of an embedded server as processes of their own."""

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

from server.contract.records import JudgedImage
from server.sandbox.account import Account, closed_folder
from tests.judged import judged

ROOT = Path(__file__).resolve().parents[2]
Judge = Callable[..., JudgedImage]
User = subprocess.Popen[str]
Start = Callable[..., User]


@pytest.fixture
def judge() -> Judge:
    """judge(name, modality, ...) -> an image whose bytes are `name`, with a verdict."""
    return judged


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="medlens-"))
    yield folder
    if (pid := server_of(folder)) is not None:
        os.kill(pid, signal.SIGQUIT)
        _wait(lambda: not alive(pid))
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


def ready(user: User) -> None:
    assert user.stdout is not None
    assert user.stdout.readline() == "ready\n"


def leave(user: User) -> None:
    user.communicate("stop\n", timeout=60)
    assert user.returncode == 0


def server_of(data_dir: Path) -> int | None:
    pid_file = data_dir / "postgres/cluster/postmaster.pid"
    try:
        return int(pid_file.read_text().splitlines()[0])
    except OSError:
        return None


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


def _python(user: int | None) -> str:
    """An interpreter of this version that `user` may run; the one we run may lie under root's home."""
    if user is None or closed_folder(Path(sys.executable).resolve().parent, Account(user, user)) is None:
        return sys.executable
    other = shutil.which(f"python{sys.version_info.major}.{sys.version_info.minor}", path="/usr/local/bin:/usr/bin")
    if other is None or closed_folder(Path(psycopg.__file__).parent, Account(user, user)) is not None:
        pytest.skip(f"user {user} can run neither {sys.executable} nor a Python of the same version")
    return other


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)

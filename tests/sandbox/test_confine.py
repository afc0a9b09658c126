"""What a reader of strangers' files cannot do, tried from inside one: each attempt is refused, and nothing that it needs is."""

from __future__ import annotations

import errno
import os
import platform
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from server.sandbox import confine
from server.sandbox.child import Child, stop_fork_server
from server.sandbox.environment import MAY_PASS
from server.sandbox.limits import MAX_DESCRIPTORS, Limits
from server.sandbox.seccomp import ARCHITECTURES

# Each attempt returns what it got, or raises OSError.
WORKER = """
import ctypes, os, resource, signal, socket, threading
from server.contract.errors import ReaderFailed

libc = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    if (result := getattr(libc, name)(*arguments)) == -1:
        raise OSError(ctypes.get_errno(), name)
    return result

def started_thread():
    seen = []
    thread = threading.Thread(target=seen.append, args=(1,))
    thread.start()
    thread.join()
    return seen

ATTEMPTS = {
    "internet socket": lambda job: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "datagram socket": lambda job: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
    "local socket": lambda job: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    "netlink socket": lambda job: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "fork": lambda job: os.fork() or os._exit(0),
    "program": lambda job: os.execv("/bin/true", ["true"]),
    "signal to the parent": lambda job: os.kill(job["parent"], 0),
    "trace": lambda job: call("ptrace", 16, job["parent"], 0, 0),
    "limits of the parent": lambda job: resource.prlimit(job["parent"], resource.RLIMIT_NOFILE),
    "namespace": lambda job: call("unshare", 0x10000000),
    "write a file": lambda job: open(job["folder"] + "/new", "wb"),
    "change a file": lambda job: open(job["folder"] + "/secret", "r+b"),
    "delete a file": lambda job: os.unlink(job["folder"] + "/secret"),
    "read a file": lambda job: open(job["folder"] + "/secret", "rb"),
    "read its file": lambda job: open(job["own"], "rb").read(),
    "read accounts": lambda job: open("/etc/passwd", "rb"),
    "list a folder": lambda job: os.listdir(job["folder"]),
    "become root": lambda job: os.setuid(0),
    "more memory": lambda job: resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40)),
    # what it needs
    "thread": lambda job: started_thread(),
    "memory": lambda job: len(bytearray(64 << 20)),
    "own signal": lambda job: os.kill(os.getpid(), 0),
    "environment": lambda job: dict(os.environ),
    "limits": lambda job: {name: resource.getrlimit(getattr(resource, name)) for name in job["limits"]},
    "missing": lambda job: __import__("server.sandbox.confine").sandbox.confine.missing,
}

def serve(pipe):
    while (asked := pipe.receive()) is not None:
        job, _ = asked
        try:
            pipe.send({"got": repr(ATTEMPTS[job["do"]]({**job, "own": pipe.file}))})
        except (OSError, ValueError) as error:
            pipe.send({"errno": getattr(error, "errno", None), "said": str(error)})
"""
linux = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ARCHITECTURES,
    reason="seccomp and Landlock are Linux's, on x86-64 and ARM64",
)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has a user to drop")
REFUSED = {errno.EPERM, errno.EACCES}


@pytest.fixture(scope="module", autouse=True)
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("workers")
    (folder / "attempts_worker.py").write_text(WORKER)
    sys.path.insert(0, str(folder))
    stop_fork_server()
    os.environ["MEDLENS_TOKEN"] = "a secret"
    yield
    del os.environ["MEDLENS_TOKEN"]
    sys.path.remove(str(folder))
    stop_fork_server()


@pytest.fixture
async def child() -> AsyncIterator[Child]:
    started = await Child.start("attempts_worker", Limits(1024, 60))
    yield started
    await started.close()


def has_landlock() -> bool:
    modules = Path("/sys/kernel/security/lsm")  # absent where securityfs is not mounted: the kernel may have it all the same
    return not modules.exists() or "landlock" in modules.read_text()


def status(pid: int) -> dict[str, str]:
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())


async def attempt(child: Child, what: str, **job: Any) -> dict[str, Any]:
    await child.send({"do": what, "parent": os.getpid(), **job})
    answer = await child.receive()
    assert answer is not None, f"{what}: the reader died"
    return answer[0]


@linux
async def test_a_reader_opens_the_file_that_it_got_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("ours")
    (tmp_path / "given").write_text("theirs")
    with (tmp_path / "given").open("rb") as file:
        child = await Child.start("attempts_worker", Limits(1024, 60), file.fileno())
    try:
        assert await attempt(child, "read its file") == {"got": "b'theirs'"}
        if has_landlock():
            assert (await attempt(child, "read a file", folder=str(tmp_path)))["errno"] in REFUSED
        assert (await attempt(child, "change a file", folder=str(tmp_path)))["errno"] in REFUSED
    finally:
        await child.close()


@linux
@pytest.mark.parametrize(
    "what",
    [
        "internet socket", "datagram socket", "local socket", "netlink socket", "fork", "program", "signal to the parent", "trace",
        "limits of the parent", "namespace", "write a file", "change a file", "delete a file", "read a file", "read accounts",
        "list a folder", "become root", "more memory",
    ],
)  # fmt: skip
async def test_a_reader_may_not(child: Child, tmp_path: Path, what: str) -> None:
    (tmp_path / "secret").write_text("ours")
    (tmp_path / "secret").chmod(0o666)
    for folder in (tmp_path, *tmp_path.parents[:3]):  # pytest's own: no file's rights forbid anything here, only the guards do
        folder.chmod(0o777)
    got = await attempt(child, what, folder=str(tmp_path))
    assert "got" not in got, got
    assert got["errno"] in REFUSED or "limit" in got["said"], got
    assert os.listdir(tmp_path) == ["secret"]  # noqa: PTH208


@pytest.mark.parametrize("what", ["thread", "memory", "own signal"])
async def test_a_reader_may(child: Child, what: str) -> None:
    assert "got" in await attempt(child, what)


@linux
async def test_a_reader_that_is_as_good_as_its_platform_misses_nothing(child: Child) -> None:
    missing = (await attempt(child, "missing"))["got"]
    assert missing == ("()" if has_landlock() else "('files (Landlock)',)")


async def test_a_reader_sees_no_secret_of_ours(child: Child) -> None:
    seen = (await attempt(child, "environment"))["got"]
    assert "secret" not in seen
    assert "MEDLENS" not in seen
    assert {name for name in os.environ if f"'{name}'" in seen} <= {*MAY_PASS, "LC_CTYPE", "OPENBLAS_NUM_THREADS"}


async def test_what_a_reader_may_use_up(child: Child) -> None:
    names = ["RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_AS", "RLIMIT_CPU"]
    limits = eval((await attempt(child, "limits", limits=names))["got"])  # a repr of our own worker's
    assert limits == {
        "RLIMIT_CORE": (0, 0),
        "RLIMIT_FSIZE": (0, 0),
        "RLIMIT_NOFILE": (MAX_DESCRIPTORS,) * 2,
        "RLIMIT_AS": (1024 * 1024 * 1024,) * 2,
        "RLIMIT_CPU": (61, 61),
    }


@linux
@as_root
async def test_root_starts_readers_as_users_who_own_nothing(child: Child) -> None:
    other = await Child.start("attempts_worker", Limits(1024, 60))
    await attempt(other, "memory")
    await attempt(child, "memory")
    users = []
    for pid in (child.pid, other.pid):
        said = status(pid)
        real = said["Uid"].split()
        assert len(set(real)) == len(set(said["Gid"].split())) == 1
        assert confine.FIRST_USER <= int(real[0]) < confine.FIRST_USER + confine.USERS
        assert said["Groups"].split() == []
        assert {int(said[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
        assert said["NoNewPrivs"] == "1"
        assert said["Seccomp"] == "2"
        users.append(real[0])
    assert users[0] != users[1]
    await other.close()


@linux
async def test_readers_end_with_the_process_that_forked_them(child: Child) -> None:
    await attempt(child, "memory")
    os.kill(int(status(child.pid)["PPid"]), signal.SIGKILL)
    assert await child.receive() is None

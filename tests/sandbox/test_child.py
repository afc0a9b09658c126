"""Child processes: frames in both directions, limits that hold, and no process left behind."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.contract.errors import Damaged, ReaderFailed
from server.sandbox import child as child_module
from server.sandbox.child import Child, start_fork_server, stop_fork_server
from server.sandbox.limits import Limits

ROOT = Path(__file__).resolve().parents[1]
NOWHERE = Path(os.devnull).stat().st_rdev
WORKER = """
import os, resource, sys
from server.contract.errors import Damaged

def serve(pipe):
    while (asked := pipe.receive()) is not None:
        header, body = asked
        what = header["do"]
        if what == "echo":
            pipe.send({"size": len(body)}, body[::-1])
        elif what == "about":
            limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_CORE)]
            pipe.send({"limits": limits, "group": os.getpgid(0), "torch": "torch" in sys.modules, "out": os.fstat(1).st_rdev})
        elif what == "damaged":
            raise Damaged("said on purpose")
        elif what == "bug":
            {}["missing"]
        elif what == "spin":
            while True:
                pass
        elif what == "list":
            pipe._connection.sendall(b"\\0\\0\\0\\2\\0\\0\\0\\0[]")
        elif what == "flood":
            pipe._connection.sendall(b"\\xff" * 64)
"""


@pytest.fixture(scope="module", autouse=True)
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("workers")
    (folder / "frames_worker.py").write_text(WORKER)
    sys.path.insert(0, str(folder))
    stop_fork_server()
    yield
    sys.path.remove(str(folder))
    stop_fork_server()


async def started(memory_mb: int = 1024, cpu_s: float = 60) -> Child:
    return await Child.start("frames_worker", Limits(memory_mb, cpu_s))


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead while its new parent takes its time does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def ended(pid: int) -> bool:
    for _ in range(3000):  # seconds on a quiet machine, more on a busy one
        if not alive(pid):
            return True
        await asyncio.sleep(0.01)
    return False


@pytest.mark.parametrize("size", [0, 1, 70_000, 5_000_000])
async def test_frames_of_any_size_go_both_ways(size: int) -> None:
    child = await started()
    body = bytes(range(256)) * (size // 256 + 1)
    await child.send({"do": "echo"}, body[:size])
    assert await child.receive() == ({"size": size}, body[:size][::-1])
    await child.close()


async def test_limits_and_a_group_of_its_own() -> None:
    child = await started(memory_mb=2000, cpu_s=7)
    await child.send({"do": "about"})
    answer = await child.receive()
    assert answer is not None
    memory, seconds, core = answer[0]["limits"]
    assert (memory, seconds, core) == (2000 * 1024 * 1024, 8, 0)
    assert answer[0]["group"] == child.pid != os.getpgid(0)
    assert not answer[0]["torch"]
    assert answer[0]["out"] == NOWHERE
    await child.close()


async def test_errors_arrive_as_they_were_raised() -> None:
    child = await started()
    await child.send({"do": "damaged"})
    with pytest.raises(Damaged, match="said on purpose"):
        await child.receive()
    assert await child.receive() is None
    assert child.ended
    await child.close()


async def test_a_bug_in_a_reader_has_a_name() -> None:
    child = await started()
    await child.send({"do": "bug"})
    with pytest.raises(ReaderFailed, match="KeyError"):
        await child.receive()
    await child.close()


@pytest.mark.parametrize("lie", ["list", "flood"])
async def test_what_no_reader_sends_is_not_believed(lie: str) -> None:
    child = await started()
    await child.send({"do": lie})
    with pytest.raises(ReaderFailed):
        await child.receive()
    await child.close()


async def test_close_ends_a_child_that_does_not_listen() -> None:
    child = await started()
    await child.send({"do": "spin"})
    await child.close()
    assert await ended(child.pid)
    child.kill()
    with pytest.raises(ReaderFailed):
        for _ in range(100):
            await child.send({"do": "echo"}, b"x" * 100_000)


async def test_processor_time_is_bounded_even_without_a_parent() -> None:
    child = await started(cpu_s=0.5)
    await child.send({"do": "spin"})
    assert await child.receive() is None
    assert await ended(child.pid)
    await child.close()


async def test_a_fork_server_that_died_is_started_again() -> None:
    start_fork_server()
    process = child_module._fork_server._process
    assert process is not None
    process.kill()
    process.wait()
    child = await started()
    await child.send({"do": "echo"}, b"ab")
    assert await child.receive() == ({"size": 2}, b"ba")
    await child.close()


async def test_stopping_leaves_no_fork_server() -> None:
    start_fork_server()
    process = child_module._fork_server._process
    assert process is not None
    stop_fork_server()
    assert process.returncode is not None
    stop_fork_server()


SCRIPT = """
import asyncio
from server.sandbox.child import Child, _fork_server
from server.sandbox.limits import Limits

async def main():
    child = await Child.start("server.extract.image_worker", Limits(1024, 60))
    print(child.pid, _fork_server._process.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_parent_killed_outright_leaves_nothing() -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", SCRIPT, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    assert parent.stdout is not None
    pids = [int(word) for word in (await parent.stdout.readline()).split()]
    parent.kill()
    await parent.communicate()
    assert len(pids) == 2
    assert all([await ended(pid) for pid in pids])


async def test_the_error_of_a_child_that_fails_before_its_request_is_raised() -> None:
    for _ in range(5):
        child = await Child.start("no_such_worker", Limits(1024, 60))
        await asyncio.sleep(0.05)  # until it has said so and would be gone
        await child.send({"do": "echo"}, b"x" * 5_000_000)
        with pytest.raises(ReaderFailed, match="ModuleNotFoundError"):
            await child.receive()
        assert child.ended
        await child.close()
        assert await ended(child.pid)

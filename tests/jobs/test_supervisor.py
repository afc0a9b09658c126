from __future__ import annotations

import asyncio
import sys

import psutil
import pytest

from server.jobs import supervisor
from server.jobs.supervisor import Supervisor

LEAVES_WITH_ITS_INPUT = (sys.executable, "-c", "import sys; sys.stdin.read()")


async def running(keeper: Supervisor, *, other_than: int | None = None) -> int:
    async with asyncio.timeout(10):
        while keeper.pid is None or keeper.pid == other_than:
            await asyncio.sleep(0.01)
    return keeper.pid


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def test_a_worker_that_was_killed_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_WAIT_S", 0.01)
    async with Supervisor(LEAVES_WITH_ITS_INPUT) as keeper:
        first = await running(keeper)
        psutil.Process(first).kill()
        second = await running(keeper, other_than=first)
        assert alive(second)
    assert not alive(second)


async def test_a_worker_that_does_not_leave_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GRACE_S", 0.1)
    stubborn = (sys.executable, "-c", "import time; time.sleep(600)")
    async with Supervisor(stubborn) as keeper:
        pid = await running(keeper)
    assert not alive(pid)


async def test_the_wait_between_deaths_grows(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(supervisor, "FIRST_WAIT_S", 0.01)
    async with Supervisor((sys.executable, "-c", "raise SystemExit(3)")):
        async with asyncio.timeout(20):
            while len(caplog.records) < 3:
                await asyncio.sleep(0.01)
    waits = [float(record.args[1]) for record in caplog.records[:3]]
    assert waits == [0.01, 0.02, 0.04]

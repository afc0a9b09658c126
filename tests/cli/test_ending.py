"""How long-running processes end: asked, asked twice, orphaned, and each of these while they are busy with something deaf."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 20.0  # a process that ends does so in less than a second; one that does not, not at all
PROGRAM = """
import asyncio, os, sys, time
from server.cli import ending

ending.ORPHAN_S = 0.5
if sys.argv[1] == "imports":
    print("ready", flush=True)
    time.sleep(1)  # until the parent has gone
    ending.attach(int(sys.argv[3]))
    time.sleep(600)

async def main():
    asked = ending.listen(attached=int(sys.argv[3]), leave_s=float(sys.argv[2]))
    print("ready", flush=True)
    if sys.argv[1] == "deaf":
        time.sleep(600)  # the loop never runs again
    await asked.wait()
    print("asked", flush=True)
    if sys.argv[1] == "threads":
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, time.sleep, 600)
        await asyncio.sleep(0.1)
    ending.leave()

asyncio.run(main())
"""
# Holds the program's input open, passes its pid on, and can be killed.
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", *sys.argv[1:], str(os.getpid())], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""
Program = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def program() -> Iterator[Program]:
    """program("deaf", leave_s) runs PROGRAM until it listens."""
    started: list[subprocess.Popen[str]] = []

    def start(way: str, leave_s: float = 600) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PROGRAM, way, str(leave_s), str(os.getpid())]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        with process:  # closes its pipes and waits
            pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("way", ["idle", "threads"])
def test_one_signal_asks(program: Program, way: str, number: signal.Signals) -> None:
    process = program(way)
    process.send_signal(number)
    assert process.stdout
    assert process.stdout.read() == "asked\n"
    assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_ends_at_once_what_does_not_listen(program: Program, number: signal.Signals) -> None:
    process = program("deaf")
    blocked = psutil.Process(process.pid)
    process.send_signal(number)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    assert blocked.is_running()
    process.send_signal(number)
    assert process.wait(PATIENCE_S) == -number


def test_what_was_asked_and_stays_is_ended_by_the_clock(program: Program) -> None:
    process = program("deaf", leave_s=0.5)
    process.terminate()
    assert process.wait(PATIENCE_S) == -signal.SIGALRM


def test_the_end_of_its_input_asks(program: Program) -> None:
    process = program("idle")
    assert process.stdin
    process.stdin.close()
    assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("way", ["idle", "deaf", "threads", "imports"])
def test_an_orphan_is_gone_whatever_it_does(way: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, PROGRAM, way, "600"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as parent:
        assert parent.stdout
        orphan = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
        _, alive = psutil.wait_procs([orphan], PATIENCE_S)
        for left in alive:
            left.kill()
        assert [left.status() for left in alive if left.status() != psutil.STATUS_ZOMBIE] == []

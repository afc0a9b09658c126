"""A process of ours that native code brings down says where it was; what a reader died of stays with the reader."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from server.sandbox import child as child_module
from server.sandbox.child import Child, stop_fork_server
from server.sandbox.limits import Limits

FATAL = "Fatal Python error: Segmentation fault"
COMMAND = """
import os, signal
from server import __main__ as program

program.app = lambda: os.kill(os.getpid(), signal.SIGSEGV)
program.main()
"""


def test_a_command_prints_its_stacks() -> None:
    done = subprocess.run([sys.executable, "-c", COMMAND], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGSEGV
    assert FATAL in done.stderr
    assert "in main" in done.stderr


def test_the_process_that_draws_prints_its_stacks() -> None:
    asked = json.dumps({"spec": {"mark": "bar", "data": {"values": []}}, "format": "svg"}).encode() + b"\n"
    with subprocess.Popen([sys.executable, "-m", "server.charts.draw"], stdin=-1, stdout=-1, stderr=-1) as drawing:
        assert drawing.stdin and drawing.stdout and drawing.stderr
        drawing.stdin.write(asked)
        drawing.stdin.flush()
        assert int(drawing.stdout.readline()) > 0
        drawing.send_signal(signal.SIGSEGV)
        assert FATAL.encode() in drawing.stderr.read()


async def test_the_fork_server_prints_its_stacks_and_its_end_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its children print nothing: what strangers' files do to them would fill the log."""
    stop_fork_server()
    errors, kept = tmp_path / "errors", os.dup(2)
    with errors.open("wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        first = await Child.start("server.sandbox.state", Limits(512, 5))
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    await first.send({})
    assert await first.receive()
    os.kill(first.pid, signal.SIGSEGV)
    assert await first.receive() is None
    await first.close()
    assert errors.read_bytes() == b""
    server = child_module._fork_server._process
    assert server is not None
    os.kill(server.pid, signal.SIGSEGV)
    while psutil.Process(server.pid).status() != psutil.STATUS_ZOMBIE:
        await asyncio.sleep(0.01)
    assert FATAL in errors.read_text()
    with caplog.at_level(logging.WARNING):
        second = await Child.start("server.sandbox.state", Limits(512, 5))
    await second.close()
    assert f"ended with code {-signal.SIGSEGV}" in caplog.text
    stop_fork_server()

"""The browser's rights: its own sandbox on, no user with any, and nothing of our environment."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import psutil
import pytest

from server.extract import launch
from server.extract.browser import Browser, find_chromium
from server.extract.launch import USER
from server.settings import Settings
from tests.extract.test_browser_processes import descendants

as_root = pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root has a user to drop")


@pytest.fixture
def reachable() -> None:
    program = find_chromium(Settings())
    if program is None or launch.closed_folder(program, USER) is not None:
        pytest.skip("the browser lies where no other user can enter")


def processes(before: set[int]) -> list[psutil.Process]:
    """Chromium's own, those of the driver left out."""
    started = (psutil.Process(pid) for pid in set(descendants(os.getpid())) - before)
    return [one for one in started if "chrom" in one.name()]


def seccomp(process: psutil.Process) -> str:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("Seccomp:"))


@as_root
async def test_root_starts_it_as_a_user_with_no_rights_and_in_its_sandbox(
    reachable: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDLENS_TOKEN", "a secret")
    before = set(descendants(os.getpid()))
    async with Browser(Settings()) as own, own.context("http://127.0.0.1:9") as context:
        assert await (await context.new_page()).evaluate("1 + 1") == 2
        running = processes(before)
        assert len(running) > 2
        assert {one.uids().real for one in running} == {one.uids().effective for one in running} == {USER.uid}
        assert not any("--no-sandbox" in one.cmdline() for one in running)
        assert not any("MEDLENS_TOKEN" in one.environ() for one in running)
        [renderer, *_] = [one for one in running if "--type=renderer" in one.cmdline()]
        assert seccomp(renderer) == "2"
    assert not caplog.records


@as_root
async def test_a_browser_without_its_sandbox_is_said_loudly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(launch, "closed_folder", lambda program, account: Path("/root"))
    with caplog.at_level(logging.WARNING):
        async with Browser(Settings()) as own:
            await own.start()
    assert "AS ROOT AND WITHOUT ITS SANDBOX: no other user can enter /root" in caplog.text


@as_root
async def test_a_machine_that_allows_no_sandbox_still_gets_another_user(
    reachable: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ways = list(launch._ways(find_chromium(Settings()) or Path()))
    assert [(way.lowered, way.sandbox) for way in ways] == [(True, True), (True, False), (False, False)]
    monkeypatch.setattr(launch, "_ways", lambda program: iter(ways[1:]))
    before = set(descendants(os.getpid()))
    async with Browser(Settings()) as own:
        await own.start()
        assert {one.uids().real for one in processes(before)} == {USER.uid}
    assert "WITHOUT ITS SANDBOX" in caplog.text

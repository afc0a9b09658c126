"""What is said of guards that a machine lacks."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.sandbox import child as child_module
from server.sandbox.check import missing_guards
from server.sandbox.child import stop_fork_server
from server.scan import resources as resources_module
from server.scan.resources import open_resources
from server.settings import Settings

WITHOUT_SECCOMP = """
from server.sandbox import confine, seccomp, state
seccomp.refuse_calls = lambda: False
serve = state.serve
"""


@pytest.fixture
def without_seccomp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "bare_reader.py").write_text(WITHOUT_SECCOMP)
    monkeypatch.syspath_prepend(tmp_path)
    stop_fork_server()
    yield "bare_reader"
    stop_fork_server()


async def test_a_guard_that_is_off_is_named(without_seccomp: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.sandbox.check.READER", without_seccomp)
    assert "system calls (seccomp)" in await missing_guards()


@pytest.mark.skipif(sys.platform != "linux", reason="the guards are Linux's")
async def test_none_is_off_here() -> None:
    stop_fork_server()
    assert await missing_guards() == ()
    assert child_module._fork_server._process is not None


async def test_a_worker_says_so_in_its_log(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async def two() -> tuple[str, ...]:
        return ("files (Landlock)", "no new privileges")

    async def nothing(self: object) -> None:
        pass

    monkeypatch.setattr(resources_module, "missing_guards", two)
    monkeypatch.setattr("server.classify.engine.Engine.prewarm", lambda self: None)
    monkeypatch.setattr("server.extract.browser.Browser.start", nothing)
    with caplog.at_level(logging.WARNING):
        async with open_resources(Settings()) as resources:
            await resources.warm()
    assert "WITHOUT this guard: files (Landlock)" in caplog.text
    assert "WITHOUT this guard: no new privileges" in caplog.text

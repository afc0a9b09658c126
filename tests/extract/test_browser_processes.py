"""The browser's processes: replaced after a crash, and ended without leftovers."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from server.contract.errors import RenderError
from server.extract import browser as browser_module
from server.extract.browser import Browser
from server.extract.scratch import PREFIX
from server.settings import Settings
from tests.extract.conftest import look, loopback
from tests.site import Site, page, picture

HOLDS_ONE = """
import asyncio
from server.extract.browser import Browser
from server.extract.scratch import PREFIX
from server.settings import Settings

async def hold():
    async with Browser(Settings()) as browser:
        await browser.start()
        print("warm", flush=True)
        await asyncio.sleep(600)

asyncio.run(hold())
"""
needs_proc = pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes through /proc")


def descendants(root: int) -> Iterator[int]:
    """Processes below `root`."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
    below = {root}
    while new := {pid for pid, parent in parents.items() if parent in below} - below:
        yield from new
        below |= new


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


async def gone(pids: set[int], limit_s: float = 10) -> bool:
    """Whether all of them end (a zombie, which has no command left, has ended)."""
    async with asyncio.timeout(limit_s):
        while any(command(pid) for pid in pids):
            await asyncio.sleep(0.05)
    return True


@needs_proc
@pytest.mark.parametrize("victim", ["--remote-debugging-pipe", "run-driver"])
async def test_a_crash_is_followed_by_a_relaunch(victim: str) -> None:
    async with Browser(Settings()) as own:
        before = set(descendants(os.getpid()))
        await own.start()
        for pid in set(descendants(os.getpid())) - before:
            if victim in command(pid) and "--type=" not in command(pid):
                os.kill(pid, signal.SIGKILL)
        async with own.context("http://127.0.0.1:9") as context:
            assert await (await context.new_page()).evaluate("1 + 1") == 2


@needs_proc
async def test_a_crash_during_a_visit_is_named_and_the_next_one_works(site: Site) -> None:
    data = picture(seed=40)
    site.add("/a.png", data, "image/png")
    site.add("/", page("<img src=/a.png>"))
    site.add("/held", page("<img src=/a.png><img src='/slow?s=60'>"))
    before = set(descendants(os.getpid()))
    async with Browser(Settings()) as own:
        visit = asyncio.create_task(look(own, site.url("/held"), loopback()))
        while site.hits["/slow"] == 0:
            await asyncio.sleep(0.05)
        for pid in set(descendants(os.getpid())) - before:
            if "--remote-debugging-pipe" in command(pid) and "--type=" not in command(pid):
                os.kill(pid, signal.SIGKILL)
        with pytest.raises(RenderError, match="lost"):
            await visit
        assert (await look(own, site.url("/"), loopback())).images == {data}


@needs_proc
async def test_stop_leaves_no_process() -> None:
    own = Browser(Settings())
    before = set(descendants(os.getpid()))
    await own.start()
    started = set(descendants(os.getpid())) - before
    assert len(started) > 3
    await own.stop()
    await own.stop()
    assert await gone(started)


@needs_proc
async def test_killing_the_process_leaves_no_browser() -> None:
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDS_ONE, stdout=asyncio.subprocess.PIPE)
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"warm\n"
    started = set(descendants(holder.pid))
    assert len(started) > 3
    holder.kill()
    await holder.wait()
    assert await gone(started)


def left_by(pid: int) -> list[Path]:
    """Temporary folders of the browsers of a process, and what Playwright would have put beside them."""
    return list(Path(tempfile.gettempdir()).glob(f"{PREFIX}{pid}-*"))


@needs_proc
async def test_temporary_files_go_with_the_browser_and_those_of_the_killed_with_the_next_start() -> None:
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDS_ONE, stdout=asyncio.subprocess.PIPE)
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"warm\n"
    started = set(descendants(holder.pid))
    [folder] = left_by(holder.pid)
    assert [one for one in os.listdir(folder) if "profile" in one]  # noqa: PTH208
    holder.kill()
    await holder.wait()
    assert await gone(started)
    before = set(left_by(os.getpid()))
    async with Browser(Settings()) as own:
        await own.start()
        assert left_by(holder.pid) == []
        assert len(set(left_by(os.getpid())) - before) == 1
    assert set(left_by(os.getpid())) == before


@needs_proc
@pytest.mark.parametrize("victim", ["run-driver", "--remote-debugging-pipe"])
async def test_a_start_that_is_cut_short_leaves_no_files(victim: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver or the browser is killed while it starts; the next start works."""
    before, started = set(left_by(os.getpid())), browser_module.launch

    async def killed(*given: Any) -> Any:
        starting = asyncio.create_task(started(*given))
        while not starting.done():
            for pid in descendants(os.getpid()):
                if victim in command(pid):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.02)
        return await starting

    async with Browser(Settings()) as own:
        with monkeypatch.context() as patch:
            patch.setattr(browser_module, "launch", killed)
            with pytest.raises(Exception):  # noqa: B017 - what Playwright raises of a driver that died is of no one class
                await own.start()
        assert set(left_by(os.getpid())) == before
        await own.start()
        assert own.running
    assert set(left_by(os.getpid())) == before

"""A page that takes the processor or memory from others: its priority falls, or it is ended and its scan says so."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from server.extract import browser_watch
from server.extract.browser import Browser
from server.settings import MIB, Settings
from tests.extract.conftest import look, loopback
from tests.extract.test_browser_processes import needs_proc
from tests.site import Site, page, picture

NOWHERE = "http://127.0.0.1:9"
SPIN = "new Worker(URL.createObjectURL(new Blob(['for(;;);'])))"

pytestmark = needs_proc


async def renderers(browser: Browser) -> set[int]:
    assert browser._current is not None
    session = await browser._current.chromium.new_browser_cdp_session()
    answer = await session.send("SystemInfo.getProcessInfo")
    return {int(one["id"]) for one in answer["processInfo"] if one["type"] == "renderer"}


def priorities(pid: int) -> set[int]:
    return {os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in Path(f"/proc/{pid}/task").glob("*")}


async def test_a_page_that_is_busy_for_long_gets_a_low_priority_and_others_keep_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_watch, "WATCH_S", 0.5)
    monkeypatch.setattr(browser_watch, "BUSY_S", 2.0)
    monkeypatch.setattr(browser_watch, "BUSY_SHARE", 0.3)  # it may have to share its processor with other tests
    async with Browser(Settings()) as own, own.context(NOWHERE) as quiet, own.context(NOWHERE) as busy:
        tab = await quiet.new_page()
        await tab.goto("data:text/html,<p>quiet")
        spinning = await busy.new_page()
        await spinning.goto("data:text/html,<p>busy")
        await spinning.evaluate(SPIN)
        async with asyncio.timeout(60):
            while not (lowered := {pid for pid in await renderers(own) if priorities(pid) == {browser_watch.LOW_PRIORITY}}):
                await asyncio.sleep(0.2)
        assert len(lowered) == 1
        assert await tab.evaluate("1 + 1") == 2


async def test_a_page_that_takes_too_much_memory_is_ended_and_named(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(browser_watch, "WATCH_S", 0.2)
    monkeypatch.setattr(browser_watch, "RENDERER_BYTES", 600 * MIB)
    site.add("/a.png", picture(seed=3), "image/png")
    grow = "<script>let all=[];setInterval(()=>{let a=new Uint8Array(4e7);a.fill(1);all.push(a)},50)</script>"
    site.add("/", page("<img src=/a.png><img src='/slow?s=60'>" + grow))
    async with Browser(Settings()) as own:
        seen = await look(own, site.url("/"), loopback(page_timeout_s=30))
        assert "render_failed" in seen.codes
        async with own.context(NOWHERE) as context:
            assert await (await context.new_page()).evaluate("1 + 1") == 2
    assert "takes more than 600 MiB" in caplog.text

"""Browsers that hostile pages have spoilt: replaced for the next scan, gone with the last one, and nobody else's fault."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import BrowserContext

from server.contract.errors import BrowserBusy
from server.extract import browser as browser_module
from server.extract import running
from server.extract.browser import Browser
from server.settings import Settings
from tests.extract.conftest import look, loopback
from tests.extract.test_browser_processes import descendants, gone, needs_proc
from tests.site import Site, page, picture

NOWHERE = "http://127.0.0.1:9"


async def never() -> None:
    await asyncio.sleep(600)


def hang(context: BrowserContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "CLOSE_TIMEOUT_S", 0.5)
    monkeypatch.setattr(context, "close", never)


@needs_proc
async def test_a_context_that_does_not_close_takes_its_browser_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(descendants(os.getpid()))
    async with Browser(Settings()) as own:
        async with own.context(NOWHERE) as context:
            started = set(descendants(os.getpid())) - before
            hang(context, monkeypatch)
        assert not own.running
        assert own.contexts == 0
        assert await gone(started)
        async with own.context(NOWHERE) as context:
            assert await (await context.new_page()).evaluate("1 + 1") == 2


async def test_a_neighbour_of_a_context_that_does_not_close_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Browser(Settings()) as own:
        async with own.context(NOWHERE) as neighbour:
            tab = await neighbour.new_page()
            first = own._current
            async with own.context(NOWHERE) as stuck:
                hang(stuck, monkeypatch)
            async with own.context(NOWHERE) as third:
                assert own._current is not first
                assert await (await third.new_page()).evaluate("1 + 1") == 2
            assert await tab.evaluate("1 + 1") == 2
            assert first is not None
            assert first.chromium.is_connected()
        assert not first.chromium.is_connected()


async def test_a_browser_serves_so_many_contexts_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "CONTEXTS", 2)
    async with Browser(Settings()) as own:
        served = []
        for _ in range(4):
            async with own.context(NOWHERE):
                served.append(own._current)
        assert served[0] is served[1] is not served[2] is served[3]
        assert not served[0].chromium.is_connected()


async def test_a_browser_that_holds_too_much_while_idle_is_replaced(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with Browser(Settings()) as own:
        async with own.context(NOWHERE):
            first = own._current
        assert own._current is first
        monkeypatch.setattr(running, "MEMORY_BYTES", 1)
        async with own.context(NOWHERE):
            pass
        assert not own.running
    assert "while no page is open" in caplog.text


@needs_proc
async def test_a_driver_that_does_not_stop_leaves_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(descendants(os.getpid()))
    own = Browser(Settings())
    await own.start()
    assert own._current is not None
    browsers = set(own._current.pids)
    assert browsers < set(descendants(os.getpid())) - before
    driver = own._current.driver
    monkeypatch.setattr(running, "CLOSE_TIMEOUT_S", 0.5)
    with monkeypatch.context() as patched:
        patched.setattr(own._current.chromium, "close", never)
        patched.setattr(driver, "stop", never)
        await own.stop()
    assert await gone(browsers)
    await driver.stop()


async def test_the_time_of_a_page_begins_when_there_is_one(site: Site) -> None:
    data = picture(seed=41)
    site.add("/a.png", data, "image/png")
    site.add("/", page("<img src=/a.png>"))

    class Slow(Browser):
        @asynccontextmanager
        async def context(self, proxy_url: str, **others: Any) -> AsyncIterator[BrowserContext]:
            await asyncio.sleep(8.5)
            async with super().context(proxy_url, **others) as context:
                yield context

    async with Slow(Settings()) as own:
        seen = await look(own, site.url("/"), loopback(page_timeout_s=8))
    assert seen.images == {data}
    assert "timed_out" not in seen.codes


async def test_a_browser_that_gives_no_page_is_named_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_module, "WAIT_S", 0.5)
    async with Browser(Settings()) as own:
        await own.start()
        first = own._current
        assert first is not None
        with monkeypatch.context() as patched:
            patched.setattr(first.chromium, "new_context", lambda **_: never())
            with pytest.raises(BrowserBusy, match=r"gave no page within 0\.5 s"):
                async with own.context(NOWHERE):
                    pass
        monkeypatch.setattr(browser_module, "WAIT_S", 60.0)
        async with own.context(NOWHERE):
            assert own._current is not first

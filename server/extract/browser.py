"""One warm Chromium for all scans, and a fresh context with its own proxy for each of them.

The browser itself is launched with a proxy that leads nowhere, so that its own background calls die; a context reaches only what
the proxy it is given lets through. WebRTC may not go around the proxy, service workers, downloads and permissions are refused, and
unless we run as root Chromium's sandbox is on. A browser that died is launched again by the next scan.
Knows nothing of pages or images, and takes the proxy as an address: who filters there is not its business.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Self, TypeVar

from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserContext, Playwright, ViewportSize, async_playwright
from playwright.async_api import Error as PlaywrightError

from server.contract.errors import BrowserMissing, RenderError
from server.extract.chromium import HOW_TO_GET_ONE, find_chromium
from server.settings import Settings

__all__ = ["Browser", "find_chromium"]

# Port 9 (discard) is one nobody listens on: Chromium's own calls to its maker end here.
DEAD_PROXY = "http://127.0.0.1:9"
ARGUMENTS = (
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",  # UDP would pass the proxy by
    "--disable-quic",
    "--mute-audio",
)
# Playwright lets pages open windows as they like; without this, Chromium's own blocker stops what no click asked for.
DROPPED_ARGUMENTS = ("--disable-popup-blocking",)
VIEWPORT: ViewportSize = {"width": 1366, "height": 1000}
LAUNCH_TIMEOUT_S = 30.0  # 0.5 s is usual; a cold disk on a loaded machine took 8
# A page in `while(1)` closes in half a second; after this long the context is left to die with its browser.
CLOSE_TIMEOUT_S = 5.0

Made = TypeVar("Made")


class Browser:
    """`async with Browser(settings) as browser`: launched by the first `context`, or before by `start`; gone after `stop`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self._playwright: Playwright | None = None
        self._chromium: Chromium | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def running(self) -> bool:
        return self._chromium is not None and self._chromium.is_connected()

    @property
    def contexts(self) -> int:
        """How many contexts are open."""
        return len(self._chromium.contexts) if self._chromium is not None else 0

    async def start(self) -> None:
        """Launch now, so that no scan waits for it. Raises BrowserMissing or RenderError. Does nothing when it runs."""
        await self._launched()

    async def stop(self) -> None:
        """Leave no process behind. May be called twice, and a later `start` or `context` launches anew."""
        async with self._lock:
            await self._stop()

    @asynccontextmanager
    async def context(self, proxy_url: str) -> AsyncIterator[BrowserContext]:
        """A fresh context that reaches nothing but through `proxy_url`, closed on leaving. Raises BrowserMissing, RenderError."""
        context = await self._new_context(proxy_url)
        try:
            yield context
        finally:
            with suppress(PlaywrightError, TimeoutError):
                await asyncio.wait_for(context.close(), CLOSE_TIMEOUT_S)

    async def _new_context(self, proxy_url: str) -> BrowserContext:
        for last in (False, True):
            chromium = await self._launched()
            try:
                making = chromium.new_context(
                    proxy={"server": proxy_url},
                    viewport=VIEWPORT,
                    user_agent=_user_agent(chromium.version),
                    service_workers="block",
                    accept_downloads=False,
                    permissions=[],
                    reduced_motion="reduce",
                )
                return await _never_lost(making, lambda context: context.close())
            except PlaywrightError as error:  # it died, and the news had not reached us yet
                if last:
                    raise RenderError(f"the browser gave no page: {_first_line(error)}") from error
                await self._discard(chromium)
        raise AssertionError

    async def _launched(self) -> Chromium:
        async with self._lock:
            if self._chromium is not None and self._chromium.is_connected():
                return self._chromium
            await self._stop()
            program = find_chromium(self._settings)
            if program is None:
                raise BrowserMissing(HOW_TO_GET_ONE)
            self._playwright = await _never_lost(async_playwright().start(), lambda driver: driver.stop())
            try:
                self._chromium = await self._playwright.chromium.launch(
                    executable_path=program,
                    proxy={"server": DEAD_PROXY},
                    args=list(ARGUMENTS),
                    ignore_default_args=list(DROPPED_ARGUMENTS),
                    chromium_sandbox=not _is_root(),
                    timeout=LAUNCH_TIMEOUT_S * 1000,
                    # Ctrl-C and TERM are answered by the process that started us: it stops the scans first, then calls `stop`.
                    handle_sigint=False,
                    handle_sigterm=False,
                    handle_sighup=False,
                )
            except PlaywrightError as error:
                await self._stop()
                raise RenderError(f"{program} does not start: {_first_line(error)}") from error
            return self._chromium

    async def _discard(self, dead: Chromium) -> None:
        async with self._lock:
            if self._chromium is dead:  # else another scan has replaced it
                await self._stop()

    async def _stop(self) -> None:
        chromium, driver = self._chromium, self._playwright
        self._chromium = self._playwright = None
        if chromium is not None:
            with suppress(PlaywrightError, TimeoutError):
                await asyncio.wait_for(chromium.close(), CLOSE_TIMEOUT_S)
        if driver is not None:
            with suppress(PlaywrightError):
                await driver.stop()  # the driver takes what is left of the browser with it


async def _never_lost(making: Coroutine[Any, Any, Made], let_go: Callable[[Made], Awaitable[None]]) -> Made:
    """Await what Playwright makes. Made after its caller was cancelled, it is let go: nobody else knows of it."""
    task = asyncio.create_task(making)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(PlaywrightError, TimeoutError):
            await let_go(await asyncio.wait_for(task, CLOSE_TIMEOUT_S))
        raise


def _user_agent(version: str) -> str:
    """What the installed browser says of itself with a window. Headless it names itself HeadlessChrome, which many sites turn away,
    although a person asked for this one page and would be shown it."""
    major = version.partition(".")[0]
    return f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"


def _is_root() -> bool:
    """Chromium refuses to make its sandbox as root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:300]

"""One running Chromium for all scans, and a fresh context with its own proxy for each of them.

The browser itself cannot reach the network (launch.py); a context, service workers included, reaches only what its proxy allows.
Downloads and permissions are refused. If the browser has died, the next scan launches it again.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeAlias, TypeVar
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, HttpCredentials, ViewportSize, async_playwright
from playwright.async_api import Error as PlaywrightError

from server.contract.errors import BrowserBusy, BrowserMissing, RenderError
from server.extract.chromium import HOW_TO_GET_ONE, find_chromium
from server.extract.launch import launch
from server.extract.running import CLOSE_TIMEOUT_S, Running
from server.extract.scratch import as_temporary_folder, make_scratch, own_folder
from server.settings import Settings

__all__ = ["Browser", "find_chromium"]

VIEWPORT: ViewportSize = {"width": 1366, "height": 1000}
# Seconds to wait for a context: a launch of the browser on a loaded machine takes 10.
WAIT_S = 60.0

Made = TypeVar("Made")
Login: TypeAlias = tuple[str, str]  # user and password


class Browser:
    """`async with Browser(settings) as browser`: launched by `start` or by the first `context`, ended by `stop`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self._current: Running | None = None
        self._retired: set[Running] = set()  # get no new contexts, and end with their last one

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def running(self) -> bool:
        return self._current is not None and self._current.chromium.is_connected()

    @property
    def contexts(self) -> int:
        """How many contexts are open."""
        return sum(one.open for one in (self._current, *self._retired) if one is not None)

    async def start(self) -> None:
        """Launch now, so that no scan waits for it, unless it is running. Raises BrowserMissing or RenderError."""
        await self._usable()

    async def stop(self) -> None:
        """End all processes. May be called twice; a later `start` or `context` launches the browser again."""
        async with self._lock:
            self._retire()
            await self._shut_down(*self._retired)

    @asynccontextmanager
    async def context(
        self, proxy_url: str, *, login: Login | None = None, url: str = "", service_workers: bool = True
    ) -> AsyncIterator[BrowserContext]:
        """A fresh context that reaches the network only through `proxy_url`; it is closed on leaving the block.

        `login` is sent only to the origin of `url`, when that asks for it. `service_workers`: whether pages may have them.

        Raises BrowserMissing, RenderError, and BrowserBusy when there is no context within WAIT_S.
        """
        try:
            async with asyncio.timeout(WAIT_S):
                browser, context = await self._new_context(proxy_url, _credentials(login, url), service_workers)
        except TimeoutError:
            if (stuck := self._current) is not None:
                stuck.worn = True
            raise BrowserBusy(f"the browser gave no page within {WAIT_S:g} s; scan it again when fewer scans are running") from None
        try:
            yield context
        finally:
            await _uninterrupted(self._leave(browser, context))

    async def _leave(self, browser: Running, context: BrowserContext) -> None:
        """Close the context. If it was the browser's last one, check the browser, and end it if it is worn."""
        await browser.close_context(context)
        if not browser.open and not browser.worn:
            await browser.look()
        if not browser.usable:
            async with self._lock:
                if browser is self._current:
                    self._retire()
            if not browser.open:
                await self._shut_down(browser)

    async def _new_context(
        self, proxy_url: str, credentials: HttpCredentials | None, service_workers: bool
    ) -> tuple[Running, BrowserContext]:
        for last in (False, True):
            browser = await self._usable()
            browser.open += 1  # counted before the context exists, so that the browser is not ended meanwhile
            browser.served += 1
            try:
                making = browser.chromium.new_context(
                    proxy={"server": proxy_url},
                    viewport=VIEWPORT,
                    user_agent=_user_agent(browser.chromium.version),
                    service_workers="allow" if service_workers else "block",
                    accept_downloads=False,
                    permissions=[],
                    http_credentials=credentials,
                    reduced_motion="reduce",
                )
                return browser, await _closed_if_cancelled(making, lambda context: context.close())
            except PlaywrightError as error:  # it died, and this is the first sign of it
                browser.open -= 1
                browser.worn = True
                if last:
                    raise RenderError(f"the browser gave no page: {_first_line(error)}") from error
            except BaseException:
                browser.open -= 1
                raise
        raise AssertionError

    async def _usable(self) -> Running:
        """The browser for new contexts, launched if necessary."""
        async with self._lock:
            if self._current is not None and self._current.usable:
                return self._current
            self._retire()
            await self._shut_down(*(one for one in self._retired if not one.open or not one.chromium.is_connected()))
            program = find_chromium(self._settings)
            if program is None:
                raise BrowserMissing(HOW_TO_GET_ONE)
            scratch = make_scratch()
            try:
                self._current = await _launched(program, scratch)
            except BaseException:
                shutil.rmtree(scratch, ignore_errors=True)
                raise
            await self._current.look()
            return self._current

    def _retire(self) -> None:
        """Stop using the current browser for new contexts."""
        if self._current is not None:
            self._retired.add(self._current)
            self._current = None

    async def _shut_down(self, *browsers: Running) -> None:
        for one in self._retired & set(browsers):
            self._retired.discard(one)
            await one.stop()


async def _launched(program: Path, scratch: Path) -> Running:
    """Start driver and browser. Raises RenderError; after any exception the driver has ended."""
    with as_temporary_folder(scratch):
        driver = await _closed_if_cancelled(async_playwright().start(), lambda driver: driver.stop())
    try:
        chromium = await _closed_if_cancelled(launch(driver, program, own_folder(scratch)), lambda chromium: chromium.close())
    except BaseException as error:
        with suppress(PlaywrightError, TimeoutError):
            await asyncio.wait_for(driver.stop(), CLOSE_TIMEOUT_S)
        if isinstance(error, PlaywrightError):
            raise RenderError(f"{program} does not start: {_first_line(error)}") from error
        raise
    return Running(chromium, driver, scratch)


async def _uninterrupted(ending: Coroutine[Any, Any, None]) -> None:
    """Await `ending` to its end, even if the caller is cancelled meanwhile, so that nothing stays half closed."""
    task = asyncio.create_task(ending)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        raise


async def _closed_if_cancelled(making: Coroutine[Any, Any, Made], close: Callable[[Made], Awaitable[None]]) -> Made:
    """Await an object that Playwright creates. If the caller is cancelled meanwhile, `close` closes the object once it exists."""
    task = asyncio.create_task(making)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(PlaywrightError, TimeoutError):
            await close(await asyncio.wait_for(task, CLOSE_TIMEOUT_S))
        raise


def _credentials(login: Login | None, url: str) -> HttpCredentials | None:
    if login is None:
        return None
    parsed = urlsplit(url)
    return HttpCredentials(username=login[0], password=login[1], origin=f"{parsed.scheme}://{parsed.netloc}")


def _user_agent(version: str) -> str:
    """The User-Agent that the installed browser sends when it has a window.

    Without one it sends HeadlessChrome, which many sites refuse, although a person requested this page and could open it.
    """
    major = version.partition(".")[0]
    return f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:300]

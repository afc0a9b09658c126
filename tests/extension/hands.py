"""What a person's hands do in these tests: open the popup on a page, click menus, wait for what is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Literal, Self

from aiohttp import ClientSession
from playwright.async_api import BrowserContext, Page, Worker, expect

from tests.extension.service import ROOT, TOKEN
from tests.site import Site

EXTENSION = ROOT / "extension"
# For one scan, on two busy cores.
LONG_MS = 150_000
# A background that was stopped never answers; the one that comes after it does.
LOOK_S = 10
expect.set_options(timeout=LONG_MS)


class Extension:
    """The loaded extension; `id` is its name in addresses."""

    def __init__(self, browser: BrowserContext, worker: Worker) -> None:
        self.browser = browser
        self.id, self.address = worker.url.split("/")[2], ""

    @property
    def worker(self) -> Worker:
        """The background as it runs now; it may be another one than a moment ago."""
        return self.browser.service_workers[-1]

    @classmethod
    async def of(cls, browser: BrowserContext) -> Self:
        found = browser.service_workers or [await browser.wait_for_event("serviceworker")]
        return cls(browser, found[0])

    async def installed(self) -> None:
        """Until the settings are open, as they are once in a new profile: Chromium would take a blank tab of ours for them."""

        async def shown() -> bool:
            return any(page.url == self.url("options/options.html") for page in self.browser.pages)

        await until(shown, True)

    def url(self, path: str) -> str:
        return f"chrome-extension://{self.id}/{path}"

    async def reset(self, address: str, token: str, **settings: Any) -> None:
        """As the options page would set it; jobs of earlier tests are forgotten."""
        self.address = address
        page = await self.browser.new_page()
        await page.goto(self.url("options/options.html"))
        await page.evaluate(
            """async ([settings, token]) => {
              const kept = await import("/core/settings.js");
              await chrome.storage.local.clear();
              await chrome.storage.session.clear();
              await kept.change(settings);
              await kept.setToken(token);
            }""",
            [{"address": address, **settings}, token],
        )
        await page.close()

    async def tab_of(self, page: Page) -> int:
        """The browser's number of this tab; pages are told apart by their address."""
        found: int = await self.worker.evaluate(
            "async (url) => (await chrome.tabs.query({})).find((tab) => tab.url === url)?.id ?? -1", page.url
        )
        return found

    async def popup(self, page: Page, **viewport: int) -> Page:
        """The popup's own page, about this tab, as it stands in a window of its own."""
        tab = await self.tab_of(page)
        popup = await self.browser.new_page()
        await popup.set_viewport_size({"width": 400, "height": 600, **viewport})
        await popup.goto(self.url(f"popup/popup.html?tab={tab}"))
        return popup

    async def menu(self, item: str, page: Page, **info: str) -> None:
        """A click in a context menu, by way of the background's own listener."""
        await self.worker.evaluate(
            """async ([id, tab, info]) =>
              chrome.contextMenus.onClicked.dispatch({menuItemId: id, ...info}, await chrome.tabs.get(tab))""",
            [item, await self.tab_of(page), info],
        )

    async def badge(self, page: Page) -> str:
        tab = await self.tab_of(page)
        text: str = await self.worker.evaluate("(tabId) => chrome.action.getBadgeText({tabId})", tab)
        return text

    async def ask(self, method: str, path: str) -> Any:
        """What the service says to the extension's own token."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with ClientSession(headers=headers) as session, session.request(method, self.address + path) as answer:
            return await answer.json()

    async def stop_background(self, page: Page) -> None:
        """As the browser does when it thinks that the background has nothing to do. `page` is one that is open already: a tab that
        comes or goes would start it again.
        """
        debugger = await self.browser.new_cdp_session(page)
        stopped = asyncio.Event()

        def hear(told: dict[str, Any]) -> None:
            if any(version["runningStatus"] == "stopped" for version in told["versions"]):
                stopped.set()

        debugger.on("ServiceWorker.workerVersionUpdated", hear)
        await debugger.send("ServiceWorker.enable")
        await debugger.send("ServiceWorker.stopAllWorkers")
        await asyncio.wait_for(stopped.wait(), LONG_MS / 1000)
        await debugger.detach()

    async def forget_jobs(self) -> None:
        """As when the browser was closed in between."""
        await self.worker.evaluate("chrome.storage.session.clear()")


async def opened(extension: Extension, site: Site, path: str, until: Literal["load", "domcontentloaded"] = "load") -> Page:
    page = await extension.browser.new_page()
    await page.goto(site.url(path), wait_until=until)
    return page


async def checked(extension: Extension, page: Page, **viewport: int) -> Page:
    """The popup on this page, its scan at its end."""
    popup = await extension.popup(page, **viewport)
    await expect(popup.locator("#status")).to_have_text("Done")
    return popup


async def until(look: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    """Until `look` gives what is wanted: a value, or a function that says yes to it."""
    async with asyncio.timeout(LONG_MS / 1000):
        while True:
            with suppress(TimeoutError):
                found = await asyncio.wait_for(look(), LOOK_S)
                if wanted(found) if callable(wanted) else found == wanted:
                    return
            await asyncio.sleep(0.2)


async def at_rest(look: Callable[[], Awaitable[Any]]) -> Any:
    """What `look` gives once it gives something, and the same three times: where a part of a popup is when that has its size."""
    seen: list[Any] = []

    async def still() -> bool:
        seen.append(await look())
        return seen[-1] is not None and seen[-3:] == [seen[-1]] * 3

    await until(still, True)
    return seen[-1]

"""What a person's hands do in these tests: start and stop the service, open the popup on a page, click menus."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal, Self

from aiohttp import ClientError, ClientSession
from playwright.async_api import BrowserContext, Page, Worker, expect

from tests.site import Site

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = ROOT / "extension"
TOKEN = "a-token-for-the-extension-tests"
# Two busy cores: a worker that has yet to load its model can take minutes beside a training.
START_S = 240
# The same for one scan.
LONG_MS = 150_000
# A background that was stopped never answers; the one that comes after it does.
LOOK_S = 10
expect.set_options(timeout=LONG_MS)


class Service:
    """`medlens serve` in a process of its own. `start` after `stop` comes back at the same address."""

    def __init__(self, folder: Path, port: int = 0, members: str = "cnn") -> None:
        self.folder, self.port, self.members = folder, port, members
        self.link = ""
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _medlens(self, *words: str, **more: Any) -> asyncio.subprocess.Process:
        environment = os.environ | {
            "MEDLENS_DATA_DIR": str(self.folder),
            "MEDLENS_MEMBERS": self.members,
            "MEDLENS_ALLOW_NETWORKS": "127.0.0.1/32",
            "MEDLENS_PORT": str(self.port),
            "MEDLENS_TOKEN": TOKEN,
            "MEDLENS_IMAGE_TIMEOUT_S": "60",  # some tests hold an image back
        }
        return await asyncio.create_subprocess_exec(sys.executable, "-m", "server", *words, cwd=ROOT, env=environment, **more)

    async def fresh_link(self) -> str:
        """A one-time link to the dashboard that nobody has used yet."""
        asked = await self._medlens("token", "--link", stdout=asyncio.subprocess.PIPE)
        told, _ = await asked.communicate()
        found = re.search(r"http://\S+/login\?code=\S+", told.decode())
        assert found, told
        return found[0]

    async def start(self, *, wait: bool = True) -> None:
        self._process = await self._medlens("serve", stderr=asyncio.subprocess.PIPE)
        said: list[str] = []
        async with asyncio.timeout(START_S):
            while not self.link or not self.port:
                line = (await self._process.stderr.readline()).decode()
                said.append(line)
                if not line:
                    raise RuntimeError("the service did not start: " + "".join(said))
                self._heard(line)
        self._reading = asyncio.create_task(self._read())
        if wait:
            await self.ready()

    def _heard(self, line: str) -> None:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)/login\?code=\S+", line):
            self.link, self.port = found[0], int(found[1])

    async def _read(self) -> None:
        while self._process and (line := await self._process.stderr.readline()):
            self._heard(line.decode())

    async def ready(self) -> None:
        """Until every part says so, the worker included."""
        async with asyncio.timeout(START_S), ClientSession() as session:
            while True:
                try:
                    async with session.get(f"{self.address}/readyz") as answer:
                        if answer.status == 200:
                            return
                except ClientError:
                    pass
                await asyncio.sleep(0.5)

    async def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        await self._process.wait()
        if self._reading:
            await self._reading
        self._process, self.link = None, ""


@asynccontextmanager
async def serving() -> AsyncIterator[Service]:
    """A Service in a folder of its own, which is open to Postgres' user and gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="medlens-"))
    served = Service(folder)
    try:
        await served.start()
        yield served
    finally:
        await served.stop()
        shutil.rmtree(folder, ignore_errors=True)


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

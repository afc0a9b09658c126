"""The extension as a person has it: real Chromium with the unpacked folder, the real service with its worker, a local site.

One service and one browser serve a whole run; both are slow to start. Settings are given to the extension as its options page
would, and its service worker is where the browser's own events are fired.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import BrowserContext, async_playwright

from server.extract.chromium import find_chromium
from server.settings import load_settings
from tests.extension.desk import Desk, headed
from tests.extension.gallery_site import ward
from tests.extension.hands import EXTENSION, Extension
from tests.extension.screen import MISSING, Screen
from tests.extension.service import TOKEN, Service, serving
from tests.site import Site


@pytest.fixture(scope="session")
async def service() -> AsyncIterator[Service]:
    """`medlens serve` with a worker, one member alone, the local site allowed. Its folder is open to Postgres' user."""
    async with serving() as served:
        yield served


@pytest.fixture(scope="session")
async def site() -> AsyncIterator[Site]:
    """Pages of medical and other pictures, drawn on the spot."""
    async with Site() as opened:
        ward(opened)
        yield opened


@pytest.fixture(scope="session")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BrowserContext]:
    chromium = find_chromium(load_settings())
    if chromium is None:
        pytest.skip("no Chromium here; MEDLENS_CHROMIUM names one")
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=chromium,
            headless=True,
            args=[f"--disable-extensions-except={EXTENSION}", f"--load-extension={EXTENSION}", "--lang=en-US"],
            viewport={"width": 1100, "height": 800},
            locale="en-US",
        )
        context.set_default_timeout(60_000)
        await (await Extension.of(context)).installed()
        yield context
        await context.close()


@pytest.fixture
async def extension(browser: BrowserContext, service: Service) -> AsyncIterator[Extension]:
    """The extension, connected to the service, with nothing else set. Pages that a test opened are closed after it."""
    before = set(browser.pages)
    opened = await Extension.of(browser)
    await opened.reset(service.address, TOKEN)
    yield opened
    for page in set(browser.pages) - before:
        await page.close()


@pytest.fixture(scope="module")
async def seated(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A window of Chromium on a screen of its own. Skips where the programs for that are missing."""
    if MISSING:
        pytest.skip(f"no {', '.join(MISSING)}: apt-get install xvfb openbox xdotool")
    chromium = find_chromium(load_settings())
    if chromium is None:
        pytest.skip("no Chromium here; MEDLENS_CHROMIUM names one")
    async with Screen() as screen, async_playwright() as playwright:
        profile = tmp_path_factory.mktemp("desk") / "profile"
        context = await headed(playwright, screen, str(chromium), profile)
        context.set_default_timeout(60_000)
        yield await Desk.of(screen, await Extension.of(context))
        await context.close()


@pytest.fixture
async def desk(seated: Desk, service: Service) -> AsyncIterator[Desk]:
    """The window, its extension connected; pages that a test opened are closed after it."""
    before = set(seated.extension.browser.pages)
    await seated.extension.reset(service.address, TOKEN)
    yield seated
    for page in set(seated.extension.browser.pages) - before:
        await page.close()

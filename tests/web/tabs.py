"""A signed-in tab of a real Chromium on the real service, axe-core's opinion of what it shows, and a count of what a page asks the
database. Any complaint of a page (a script's error, the content policy) fails the test that opened it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright
from sqlalchemy import event

from server.extract.chromium import find_chromium
from server.settings import Settings
from server.store.database import Database

TOKEN = "a-token-for-tests-that-is-long"
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: npm install --no-save axe-core")
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


def wrong(said: ConsoleMessage) -> bool:
    """A refusal that the page shows is no mistake of the page."""
    refused = any(f"status of {status}" in said.text for status in (400, 403, 404, 409, 415, 429, 503, 504))
    return said.type in {"error", "warning"} and not refused


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    found = find_chromium(Settings())
    if found is None:
        pytest.skip("no Chromium is installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found)
        yield browser
        await browser.close()


@pytest.fixture
async def browsed(server: TestServer, chromium: Browser) -> AsyncIterator[Page]:
    async with signed_in_tab(server, chromium) as page:
        yield page


@asynccontextmanager
async def signed_in_tab(server: TestServer, chromium: Browser, **options: Any) -> AsyncIterator[Page]:
    """A signed-in tab of a browser context with these options. An error of a script, or in the console, fails the test."""
    complaints: list[str] = []
    context = await chromium.new_context(base_url=f"http://127.0.0.1:{server.port}", viewport=DESK, **options)
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if wrong(said) else None)
    await page.goto("/login")
    await page.fill("#token", TOKEN)
    await page.click("button.primary")
    await page.wait_for_url("**/")
    yield page
    await context.close()
    assert complaints == []


async def axe_finds(page: Page) -> list[str]:
    """What axe-core finds on the page as it stands, in light and dark: rule and place of each."""
    found = []
    await page.evaluate(AXE.read_text())
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        told: dict[str, Any] = await page.evaluate("(tags) => axe.run({runOnly: tags})", RULES)
        found += [f"{scheme}: {one['id']}: {node['html'][:120]}" for one in told["violations"] for node in one["nodes"]]
    await page.emulate_media(color_scheme=None)
    return found


async def sideways(page: Page) -> bool:
    """Whether the page is wider than its window."""
    return bool(await page.evaluate("document.documentElement.scrollWidth > innerWidth"))


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The statements that reach the database meanwhile, but for the pool's own."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(" ".join(statement.split()))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)

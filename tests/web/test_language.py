"""The dashboard in another language, in the browser's time zone, and from right to left."""

from __future__ import annotations

import re

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, expect

from server.store.database import Database
from server.web.templating import STATIC
from tests.judged import digest, judged
from tests.web.conftest import scanned, signed_in, webp
from tests.web.tabs import DESK, PHONE, sideways, signed_in_tab


async def test_a_german_browser_gets_german_pages_and_verdicts(server: TestServer, chromium: Browser, kept: Database) -> None:
    scan_id = await scanned(kept, judged("a", "mri", thumbnail=webp()), judged("b", "non_medical"), title="Knie")
    async with signed_in_tab(server, chromium, locale="de-AT", timezone_id="UTC") as page:
        await expect(page.locator("html")).to_have_attribute("lang", "de")
        await expect(page.locator("h1")).to_have_text("Verlauf")
        await expect(page.locator(".row")).to_contain_text("1 von 2 medizinisch")
        await expect(page.locator(".row .chip")).to_have_text("Fertig")
        await page.goto(f"/scans/{scan_id}")
        await expect(page.locator("#rest")).to_have_text("1 nicht medizinisch")
        await expect(page.locator(".card [data-name]").first).to_have_text("MRT")
        await page.goto(f"/images/{digest('a')}")
        await expect(page.locator("[data-why]")).to_contain_text("Sicher")
        await page.keyboard.press("1")
        await expect(page.locator("[data-verdict]")).to_have_text("Röntgen")
        await page.goto("/settings")
        await page.locator("#language-choice").select_option("en")
        await expect(page.locator("h1")).to_have_text("Settings and health")
        await page.goto("/nothing")
        await expect(page.locator("h1")).to_have_text("Not found")
        await page.goto("/settings")
        await page.locator("#language-choice").select_option("")
        await expect(page.locator("h1")).to_have_text("Einstellungen und Zustand")


@pytest.mark.parametrize(
    "path", ["/", "/new", "/review", "/statistics", "/corrections", "/settings", "/api/docs", "/pair", "/login?code=x"]
)
async def test_every_page_is_there_in_german(path: str, server: TestServer, session: ClientSession, kept: Database) -> None:
    await scanned(kept, judged("a", "ct"))
    answer = await (await signed_in(server, session)).get(path, headers={"Accept-Language": "de", "Accept": "text/html"})
    assert 'lang="de"' in await answer.text()


async def test_times_are_those_of_the_browser(server: TestServer, chromium: Browser, kept: Database) -> None:
    scan_id = await scanned(kept, judged("a", "ct"))
    for zone in ("Asia/Tokyo", "America/New_York"):
        async with signed_in_tab(server, chromium, locale="en-GB", timezone_id=zone) as page:
            await page.goto(f"/scans/{scan_id}")
            shown = page.locator(".eyebrow time")
            full = (
                "(one) => new Intl.DateTimeFormat('en', {dateStyle: 'medium', timeStyle: 'short'}).format(new Date(one.dateTime))"
            )
            await expect(shown).to_have_text(await shown.evaluate(full))
            await page.goto("/")
            title = await page.locator(".row time").get_attribute("title")
            assert title == await page.locator(".row time").evaluate(full)
            assert "UTC" not in title


def test_styles_name_no_left_or_right() -> None:
    """So that a language written from right to left mirrors the pages. `left: 50%` centres."""
    physical = re.compile(r"(margin|padding|border)-(left|right)|text-align: (left|right)|(?<![\w-])(left|right): (?!50%)")
    assert [
        f"{path.name}: {found[0]}"
        for path in sorted((STATIC / "css").glob("*.css"))
        for found in physical.finditer(path.read_text())
    ] == []


async def test_from_right_to_left_nothing_is_wider_than_the_window(server: TestServer, chromium: Browser, kept: Database) -> None:
    scan_id = await scanned(kept, judged("a", "mri", thumbnail=webp()), judged("b", "non_medical"))
    async with signed_in_tab(server, chromium, locale="en", timezone_id="UTC") as page:
        for size in (DESK, PHONE):
            await page.set_viewport_size(size)  # type: ignore[arg-type]
            for path in ("/", "/new", f"/scans/{scan_id}", f"/images/{digest('a')}", "/settings"):
                await page.goto(path)
                await page.evaluate("document.documentElement.dir = 'rtl'")
                assert not await sideways(page), (path, size)

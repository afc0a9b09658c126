"""A session that ends and a service that stops, while pages are open in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect
from sqlalchemy import text

from server.app import create_app
from server.settings import Settings
from server.store import history, scans
from server.store.database import Database
from tests.judged import MODEL, judged
from tests.web.conftest import Client, webp
from tests.web.tabs import DESK, TOKEN

PUBLIC = "http://93.184.216.34/"
BACK_MS = 20_000  # the page looks every two seconds, on a machine that may be busy


@pytest.fixture
async def tab(server: TestServer, chromium: Browser) -> AsyncIterator[Page]:
    """A signed-in tab, like `browsed`, that may complain: a refused connection is what these tests are about."""
    context = await chromium.new_context(base_url=f"http://127.0.0.1:{server.port}", viewport=DESK)
    page = await context.new_page()
    await sign_in(page)
    yield page
    await context.close()


async def sign_in(page: Page, base: str = "") -> None:
    await page.goto(f"{base}/login")
    await page.fill("#token", TOKEN)
    await page.click("button.primary")
    await page.wait_for_url("**/")


async def end_sessions(kept: Database) -> None:
    async with kept.begin() as connection:
        await connection.execute(text("DELETE FROM sessions"))


async def test_one_sign_in_then_what_was_typed_goes_on(tab: Page, kept: Database) -> None:
    await tab.goto("/new")
    await end_sessions(kept)
    await tab.fill("#addresses", f"{PUBLIC}a\n{PUBLIC}b\n{PUBLIC}c")
    await tab.get_by_role("button", name="Scan", exact=True).click()
    dialog = tab.locator("#sign-in")
    await expect(dialog).to_contain_text("Nothing that you typed is lost")
    await dialog.get_by_label("API token").fill("wrong")
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(dialog.get_by_role("alert")).to_have_text("This is not the token of this service.")
    await dialog.get_by_label("API token").fill(TOKEN)
    await tab.keyboard.press("Enter")
    await expect(tab.locator(".job")).to_have_count(3)
    await expect(dialog).to_be_hidden()
    await expect(tab.locator("#addresses")).to_have_value("")
    assert {entry.target for entry in (await history.page(kept)).entries} == {f"{PUBLIC}a", f"{PUBLIC}b", f"{PUBLIC}c"}


async def test_who_does_not_sign_in_keeps_what_was_typed_and_reads_one_sentence(tab: Page, kept: Database) -> None:
    await tab.goto("/new")
    await end_sessions(kept)
    await tab.fill("#addresses", f"{PUBLIC}a\n{PUBLIC}b")
    await tab.get_by_role("button", name="Scan", exact=True).click()
    await tab.locator("#sign-in").get_by_role("button", name="Not now").click()
    await expect(tab.locator("#start-state")).to_have_text("You are signed out. Sign in to go on.")
    await expect(tab.locator("#addresses")).to_have_value(f"{PUBLIC}a\n{PUBLIC}b")


async def test_a_sign_in_in_another_tab_is_enough(tab: Page, kept: Database) -> None:
    await tab.goto("/new")
    await end_sessions(kept)
    await tab.fill("#addresses", f"{PUBLIC}a\n{PUBLIC}b")
    await tab.get_by_role("button", name="Scan", exact=True).click()
    await expect(tab.locator("#sign-in")).to_be_visible()
    other = await tab.context.new_page()
    await sign_in(other)
    await tab.evaluate("window.dispatchEvent(new Event('focus'))")
    await expect(tab.locator(".job")).to_have_count(2)


async def test_a_form_without_a_session_leads_to_the_sign_in_and_back(server: TestServer, session: ClientSession) -> None:
    client = Client(server, session)
    headers = {"Origin": client.base, "Referer": f"{client.base}/settings", "Accept": "text/html"}
    answer = await client.post("/settings/token", data={"sure": "yes"}, headers=headers)
    assert (answer.status, answer.headers["Location"]) == (303, "/login?next=/settings")
    answer = await client.post("/settings/token", headers=headers | {"Referer": "https://elsewhere.example/x"})
    assert (answer.status, answer.headers["Location"]) == (303, "/login?next=/")


async def test_a_scan_page_says_that_the_service_is_gone_and_catches_up(
    web_settings: Settings, chromium: Browser, kept: Database
) -> None:
    first = TestServer(create_app(web_settings), host="127.0.0.1")
    await first.start_server(access_log=None)
    port = first.port
    context = await chromium.new_context(base_url=f"http://127.0.0.1:{port}", viewport=DESK)
    page = await context.new_page()
    second = None
    try:
        await sign_in(page)
        scan_id = await scans.create(kept, kind="page", target="https://example.org/x", url="https://example.org/x", title="A page")
        await page.goto(f"/scans/{scan_id}")
        await expect(page.locator(".scan-heading .chip")).to_have_text("Waiting")
        await expect(page.locator("[data-progress]")).to_be_visible()
        await first.close()
        await expect(page.locator("#unreachable")).to_have_text(
            "medlens does not answer. This page goes on by itself as soon as it does.", timeout=BACK_MS
        )
        await expect(page.locator("[data-progress]")).to_be_hidden()
        await expect(page.locator(".scan-heading .chip")).to_be_hidden()
        await scans.start(kept, scan_id, MODEL)
        await scans.finish(kept, scan_id, status="done", found=1, images=[judged("a", "ct", thumbnail=webp())])
        second = TestServer(create_app(web_settings), host="127.0.0.1", port=port)
        await second.start_server(access_log=None)
        await expect(page.locator(".scan-heading .chip")).to_have_text("Done", timeout=BACK_MS)
        await expect(page.locator("#unreachable")).to_be_hidden()
        await expect(page.locator(".card")).to_have_count(1)
    finally:
        await context.close()
        if second:
            await second.close()

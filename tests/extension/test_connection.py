"""Getting in and what can be wrong: pairing, a pasted token, the four failures by name, and a service that comes and goes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from tests.extension.hands import Extension, opened
from tests.extension.service import TOKEN, Service
from tests.site import Site

NOBODY = "http://127.0.0.1:9"  # discard: nothing listens there


@pytest.fixture
async def old_service() -> AsyncIterator[str]:
    """One that says it is a medlens of long ago."""

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "name": "medlens", "version": "0.0.9"})

    app = web.Application()
    app.router.add_get("/healthz", health)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("")).rstrip("/")


async def options(extension: Extension, address: str | None = None) -> Page:
    page = await extension.browser.new_page()
    await page.goto(extension.url("options/options.html"))
    if address:
        await page.locator("#address").fill(address)
        await page.locator("#test").click()
    return page


async def test_the_right_address_and_token(extension: Extension, service: Service) -> None:
    page = await options(extension, service.address)
    await expect(page.locator("#tested")).to_have_text("Connected to medlens 0.1.0.")
    await expect(page.locator("#connected")).to_have_text("Connected")


async def test_not_running(extension: Extension) -> None:
    page = await options(extension, NOBODY)
    await expect(page.locator("#tested")).to_contain_text("Nothing answers")
    await expect(page.locator("#command")).to_have_text("make serve")


async def test_wrong_address(extension: Extension, site: Site) -> None:
    page = await options(extension, site.url(""))
    await expect(page.locator("#tested")).to_contain_text("is not medlens")


async def test_wrong_token(extension: Extension, service: Service) -> None:
    page = await options(extension, service.address)
    await page.locator("#paste summary").click()
    await page.locator("#token").fill("this-is-not-the-token-of-it")
    await page.locator("#token-form button").click()
    await expect(page.locator("#tested")).to_contain_text("rejects this token")
    assert await page.locator("#token").input_value() == ""


async def test_too_old(extension: Extension, old_service: str) -> None:
    page = await options(extension, old_service)
    await expect(page.locator("#tested")).to_contain_text("This service is medlens 0.0.9; the extension needs 0.1.0")


async def test_no_address_at_all(extension: Extension) -> None:
    page = await options(extension, "ftp://nowhere")
    await expect(page.locator("#tested")).to_contain_text("This is not an address")
    await expect(page.locator("#address")).to_have_attribute("aria-invalid", "true")


async def test_a_token_does_not_go_to_another_service(extension: Extension, old_service: str) -> None:
    page = await options(extension, old_service)
    await expect(page.locator("#connected")).to_have_text("Not connected")


async def test_pairing_by_the_one_time_link(extension: Extension, service: Service) -> None:
    person = await extension.browser.new_page()
    await person.goto(await service.fresh_link())
    await person.locator("form[action='/login'] button").first.click()
    await expect(person.locator("form[action='/login']")).to_have_count(0)
    page = await options(extension)
    await page.locator("#unpair").click()
    async with extension.browser.expect_page() as coming:
        await page.locator("#pair").click()
    dashboard = await coming.value
    code = await page.locator("#code").inner_text()
    if await dashboard.locator("a.button").count():  # the cookie was held back on the way from the extension
        await dashboard.locator("a.button").click()
    await expect(dashboard.locator(".pair-code")).to_have_text(code)
    await dashboard.locator("form[action='/pair'] button").click()
    await expect(dashboard.locator("h1")).to_have_text("The extension is connected")
    await expect(page.locator("#tested")).to_have_text("Connected to medlens 0.1.0.")
    own = await page.evaluate("import('/core/settings.js').then((kept) => kept.token())")
    assert own
    assert own != TOKEN
    assert own not in await page.evaluate(
        "Promise.all(['local', 'session'].map((area) => chrome.storage[area].get())).then(JSON.stringify)"
    )


@pytest.mark.parametrize("token", ["", "a-token-that-was-rotated-away"])
async def test_the_popup_says_what_is_missing(extension: Extension, site: Site, service: Service, token: str) -> None:
    await extension.reset(service.address, token)
    popup = await extension.popup(await opened(extension, site, "/ward?unpaired"))
    await expect(popup.locator("#trouble-title")).to_have_text("Connect this extension first")
    await expect(popup.locator("#connect")).to_be_visible()


async def test_a_service_that_is_not_there_yet_is_waited_for(extension: Extension, site: Site) -> None:
    folder = Path(tempfile.mkdtemp(prefix="medlens-"))
    late = Service(folder)
    try:
        await late.start(wait=False)
        await late.stop()
        await extension.reset(late.address, TOKEN)
        popup = await extension.popup(await opened(extension, site, "/ward?late"))
        await expect(popup.locator("#trouble-title")).to_have_text("medlens is not running")
        await expect(popup.locator("#command")).to_contain_text("make serve")
        await late.start()
        await expect(popup.locator("#status")).to_have_text("Done")
        await expect(popup.locator("#trouble")).to_be_hidden()
    finally:
        await late.stop()
        shutil.rmtree(folder, ignore_errors=True)

"""What stops and comes back: the background in mid-scan, the service in mid-scan, and a stream of events that does not hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from tests.extension.events_proxy import EventsProxy, Mode
from tests.extension.gallery_site import slow_ward
from tests.extension.hands import LONG_MS, Extension, opened, until
from tests.extension.service import TOKEN, Service, serving
from tests.site import Site

pytestmark = pytest.mark.slow


@pytest.fixture
async def lonely() -> AsyncIterator[Service]:
    """A service of this test's own, to be stopped."""
    async with serving() as served:
        yield served


async def under_way(extension: Extension, site: Site, path: str) -> tuple[Page, Page]:
    """A page and its popup, the scan begun and not at its end: the page's last image is held back."""
    page = await opened(extension, site, path, "domcontentloaded")
    popup = await extension.popup(page)
    await until(lambda: popup.locator("#status").inner_text(), "Running")
    return page, popup


async def test_a_background_that_was_stopped_takes_its_scans_up_again(extension: Extension, site: Site) -> None:
    gate = slow_ward(site)
    page, popup = await under_way(extension, site, "/slow?killed")
    address = popup.url
    await popup.close()
    await extension.stop_background(page)
    gate.set()
    popup = await page.context.new_page()
    await popup.goto(address)  # opening it starts the background again
    await expect(popup.locator("#status")).to_have_text("Done")
    medical = await popup.locator("[data-filter=medical] span").inner_text()
    await until(lambda: extension.badge(page), medical)
    assert len((await extension.ask("GET", "/api/scans?q=killed"))["scans"]) == 1


async def test_an_open_popup_starts_the_background_again(extension: Extension, site: Site) -> None:
    gate = slow_ward(site)
    page, popup = await under_way(extension, site, "/slow?open")
    await extension.stop_background(page)
    gate.set()
    await expect(popup.locator("#status")).to_have_text("Done")
    medical = await popup.locator("[data-filter=medical] span").inner_text()
    await until(lambda: extension.badge(page), medical)


async def test_marks_that_wait_for_answers_start_the_background_again(extension: Extension, site: Site) -> None:
    gate = slow_ward(site)
    page, popup = await under_way(extension, site, "/slow?marks")
    await popup.locator("#mark").check()
    await expect(page.locator("[data-medlens-layer]")).to_have_count(1)
    await popup.close()
    await extension.stop_background(page)
    gate.set()
    await expect(page.locator("#last[data-medlens]")).to_be_visible()
    await until(lambda: extension.badge(page), lambda said: said.isdigit())


async def test_marks_that_a_stopped_background_was_about_to_send_are_asked_for(
    extension: Extension, site: Site, service: Service
) -> None:
    slow_ward(site).set()
    async with EventsProxy(service.address, "cut") as proxy:
        await extension.reset(proxy.address, TOKEN)
        page = await opened(extension, site, "/slow?about")
        popup = await extension.popup(page)
        await expect(popup.locator("#status")).to_have_text("Done")
        proxy.reports = asyncio.Event()
        await popup.locator("#mark").check()
        await asyncio.wait_for(proxy.waiting.wait(), LONG_MS / 1000)
        await popup.close()
        await extension.stop_background(page)
        proxy.reports.set()
        await expect(page.locator("#last[data-medlens]")).to_be_visible()


@pytest.mark.parametrize("mode", ["refuse", "cut", "hold"])
async def test_a_stream_that_does_not_hold_is_replaced_by_asking(
    extension: Extension, site: Site, service: Service, mode: Mode
) -> None:
    async with EventsProxy(service.address, mode) as proxy:
        await extension.reset(proxy.address, TOKEN)
        gate = slow_ward(site)
        page, popup = await under_way(extension, site, f"/slow?{mode}")
        gate.set()
        await expect(popup.locator("#status")).to_have_text("Done")
        await expect(popup.locator("#trouble")).to_be_hidden()
        medical = await popup.locator("[data-filter=medical] span").inner_text()
        await until(lambda: extension.badge(page), medical)
        assert proxy.asked


async def test_a_service_that_is_stopped_and_started_again_is_waited_for(extension: Extension, site: Site, lonely: Service) -> None:
    await extension.reset(lonely.address, TOKEN)
    gate = slow_ward(site)
    page, popup = await under_way(extension, site, "/slow?restart")
    await lonely.stop()
    await expect(popup.locator("#trouble-title")).to_have_text("medlens is not running")
    await expect(popup.locator("#command")).to_contain_text("make serve")
    gate.set()
    await lonely.start()
    await expect(popup.locator("#trouble")).to_be_hidden()
    await expect(popup.locator("#status")).to_have_text("Done")
    medical = await popup.locator("[data-filter=medical] span").inner_text()
    await until(lambda: extension.badge(page), medical)
    scans = (await extension.ask("GET", "/api/scans?q=restart"))["scans"]
    assert [scan["status"] for scan in scans] == ["done"]

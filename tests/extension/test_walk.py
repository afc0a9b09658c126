"""The walk of a person: click, progress, gallery, marks, correction, badge, and opening it again."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.extension.hands import Extension
from tests.site import Site

LONG = 120_000


async def checked(extension: Extension, page: Page, **viewport: int) -> Page:
    """The popup on this page, its scan at its end."""
    popup = await extension.popup(page, **viewport)
    await expect(popup.locator("#status")).to_have_text("Done", timeout=LONG)
    return popup


async def opened(extension: Extension, site: Site, path: str) -> Page:
    page = await extension.browser.new_page()
    await page.goto(site.url(path))
    return page


async def test_a_click_shows_progress_then_a_gallery(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/ward")
    popup = await extension.popup(page)
    await expect(popup.locator("progress")).to_be_visible()
    await expect(popup.locator("#status")).to_have_text("Done", timeout=LONG)
    await expect(popup.locator("#title")).to_have_text("Teaching file 12")
    await expect(popup.locator("#counts")).to_contain_text("9 images in all")
    await popup.locator("[data-filter=all]").click()
    await expect(popup.locator(".card:visible")).to_have_count(9)
    await expect(popup.locator(".card img[src^='blob:']").first).to_be_visible()

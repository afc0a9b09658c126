"""The way around an image by hand: its neighbours, the way back, the original, and links that are copied."""

from __future__ import annotations

import re
from dataclasses import replace

from playwright.async_api import Page, expect

from server.contract.records import Place
from server.contract.verdict import Context
from server.store.database import Database
from tests.judged import digest, judged
from tests.web.conftest import scanned, webp
from tests.web.test_marking_pages import collection_of


async def test_an_image_is_left_through_its_neighbours(browsed: Page, kept: Database) -> None:
    one, scan_id = await collection_of(kept, "c", "a", "b")
    await browsed.goto(f"/images/{digest('a')}?collection={one}")
    around = browsed.locator(".around")
    await expect(around).to_contain_text("2 of 3")
    await expect(around.locator("[data-back]")).to_contain_text("Atlas")
    await browsed.keyboard.press("ArrowRight")
    await browsed.wait_for_url(f"**/images/{digest('b')}?collection={one}")
    await expect(around.locator('[rel="next"]')).to_have_attribute("aria-disabled", "true")
    await browsed.goto(f"/images/{digest('c')}?scan={scan_id}")
    await expect(around).to_contain_text("1 of 3")
    await around.get_by_label("Next").click()
    await browsed.wait_for_url(f"**/images/{digest('a')}?scan={scan_id}")
    await around.locator("[data-back]").click()
    await browsed.wait_for_url(f"**/scans/{scan_id}")
    await browsed.goto(f"/images/{digest('c')}")
    await expect(around.locator("[data-back]")).to_contain_text("History")


async def test_the_original_opens_at_the_image(browsed: Page, kept: Database) -> None:
    said = Context("ct", True, "CT of the chest, axial - a nodule & more words than a fragment needs", "caption", True)
    page_image = judged("a", "ct", thumbnail=webp())
    await scanned(kept, replace(page_image, joined=replace(page_image.verdict, context=said)), url="https://example.org/p?x=1#top")
    in_pdf = judged("b", "ct", places=(Place(None, "embedded", page=7),))
    await scanned(kept, in_pdf, url="https://example.org/paper.pdf", kind="pdf")
    await browsed.goto(f"/images/{digest('b')}")
    link = browsed.locator(".original")
    await expect(link).to_have_attribute("href", "https://example.org/paper.pdf#page=7")
    await expect(link).to_have_text("Open the PDF on page 7")
    await browsed.goto(f"/images/{digest('a')}")
    await expect(link).to_have_text("Open the page at the image")
    await expect(link).to_have_attribute(
        "href", re.compile(r"^https://example\.org/p\?x=1#:~:text=CT%20of%20the%20chest%2C%20axial")
    )


async def test_links_are_copied_also_where_there_is_no_clipboard(browsed: Page, kept: Database) -> None:
    one, scan_id = await collection_of(kept, "a")
    await browsed.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for path in (f"/scans/{scan_id}", f"/collections/{one}", f"/images/{digest('a')}"):
        await browsed.goto(path)
        await browsed.keyboard.press("y")
        await expect(browsed.locator(".toast")).to_have_text("Link copied.")
        assert (await browsed.evaluate("navigator.clipboard.readText()")).endswith(path)
    await browsed.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    await browsed.get_by_role("button", name="Copy link").click()
    await expect(browsed.locator(".toast").last).to_have_text("Link copied.")

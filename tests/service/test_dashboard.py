"""The dashboard as a person uses it, on a whole service: sign in by the link, scan, watch, look, correct, compare, forget."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from server.extract.chromium import find_chromium
from server.settings import Settings
from tests.service.conftest import Service
from tests.site import Site, page, picture

# A worker that has yet to load its model, on two busy cores.
LONG_MS = 150_000


def atlas(site: Site, *numbers: int) -> str:
    for number in numbers:
        site.add(f"/{number}.png", picture("PNG", (260, 200), number * 5 + 1), "image/png")
    return site.add(
        "/atlas.html", page(*(f'<p><img src="/{number}.png" alt="Figure {number}">' for number in numbers), title="An atlas")
    )


async def scan_and_correct(tab: Page, site: Site) -> None:
    await tab.fill("#addresses", atlas(site, 0, 1, 2))
    await tab.get_by_role("button", name="Scan", exact=True).click()
    await tab.wait_for_url("**/scans/*")
    await expect(tab.locator(".chip")).to_have_text("Done", timeout=LONG_MS)
    await expect(tab.locator("h1")).to_have_text("An atlas")
    await expect(tab.locator(".card img")).to_have_count(3)
    await tab.select_option("#sort", "page")
    assert await tab.evaluate("[...document.querySelectorAll('.card img')].map((one) => one.alt)") == [
        "Figure 0",
        "Figure 1",
        "Figure 2",
    ]
    await tab.locator(".card a:visible").first.click()
    await tab.keyboard.press("h")
    await expect(tab.locator("#detail [data-heatmap]")).to_be_visible(timeout=LONG_MS)
    await tab.keyboard.press("2")
    await expect(tab.locator("#detail [data-verdict]")).to_have_text("CT")
    await tab.keyboard.press("Escape")


async def take_away(tab: Page, folder: Path) -> None:
    await tab.locator(".menu summary").click()
    async with tab.expect_download() as coming:
        await tab.get_by_role("link", name="ZIP by modality").click()
    kept = folder / "scan.zip"
    await (await coming.value).save_as(kept)
    with zipfile.ZipFile(kept) as whole:
        assert sum(name.endswith(".webp") for name in whole.namelist()) == 3
        assert [name for name in whole.namelist() if name.startswith("ct/")]


async def scan_again_and_compare(tab: Page, site: Site) -> None:
    atlas(site, 1, 2, 3)
    before = tab.url
    await tab.get_by_role("button", name="Scan again").click()
    await tab.wait_for_url(lambda url: url != before)
    await expect(tab.locator(".since")).to_contain_text("New 1", timeout=LONG_MS)
    await expect(tab.locator(".since")).to_contain_text("Gone 1")


async def drop_files_and_find_all(tab: Page) -> None:
    await tab.goto("/new")
    pictures = [{"name": f"{n}.jpg", "mimeType": "image/jpeg", "buffer": picture("JPEG", (240, 180), n)} for n in (50, 51)]
    await tab.set_input_files("#files", pictures)  # type: ignore[arg-type]
    await tab.wait_for_url("**/scans/*")
    await expect(tab.locator(".chip")).to_have_text("Done", timeout=LONG_MS)
    await tab.goto("/?corrected=true")
    await expect(tab.locator(".row-title")).to_have_text(["An atlas"])
    await tab.goto("/?q=atlas")
    await expect(tab.locator(".row")).to_have_count(1)
    await tab.get_by_role("link", name="1 earlier scan").click()
    await expect(tab.locator(".row")).to_have_count(2)
    await tab.goto("/?every=true")
    await expect(tab.locator(".row")).to_have_count(3)
    await tab.keyboard.press("a")
    await tab.keyboard.press("d")
    await expect(tab.locator("#no-rows")).to_be_visible()
    await tab.get_by_role("button", name="Undo").click()
    await expect(tab.locator(".row")).to_have_count(3)


@pytest.mark.slow
async def test_from_the_link_to_the_zip(service: Service, folder: Path) -> None:
    chromium = find_chromium(Settings())
    if chromium is None:
        pytest.skip("no Chromium is installed")
    complaints: list[str] = []
    async with Site() as site, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium)
        tab = await browser.new_page(base_url=service.address)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        await tab.goto(service.link)
        await tab.get_by_role("button", name="Sign in").click()
        await tab.get_by_role("link", name="New scan").first.click()
        await scan_and_correct(tab, site)
        await take_away(tab, folder)
        await scan_again_and_compare(tab, site)
        await drop_files_and_find_all(tab)
        await browser.close()
    assert complaints == []

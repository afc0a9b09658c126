"""The walk of a person: click, progress, gallery, marks, correction, badge, and opening it again."""

from __future__ import annotations

from playwright.async_api import expect

from server.web.api.exports import COLUMNS
from tests.extension.events_proxy import EventsProxy
from tests.extension.hands import Extension, checked, opened, until
from tests.extension.layer import Layer
from tests.extension.service import TOKEN, Service
from tests.scan.test_walk import scan_of
from tests.site import Site
from tests.site import page as html_page


async def test_a_click_shows_progress_then_a_gallery_and_the_badge(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/ward")
    popup = await extension.popup(page)
    await expect(popup.locator("progress")).to_be_visible()
    await expect(popup.locator("#status")).to_have_text("Done")
    await expect(popup.locator("#title")).to_have_text("Teaching file 12")
    await expect(popup.locator("#facts")).to_contain_text("9 images in all")
    await popup.locator("[data-filter=all]").click()
    await expect(popup.locator(".card:visible")).to_have_count(9)
    await expect(popup.locator(".card img[src^='blob:']").first).to_be_visible()
    medical = await popup.locator("[data-filter=medical] span").inner_text()
    await until(lambda: extension.badge(page), medical)
    non_medical = popup.locator("[data-filter=non_medical]")
    if await non_medical.is_visible():
        await non_medical.click()
        await expect(popup.locator(".card:visible")).to_have_count(int(await non_medical.locator("span").inner_text()))


async def test_opening_it_again_picks_the_scan_up(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/ward?again")
    popup = await extension.popup(page)
    await expect(popup.locator("#title")).not_to_have_text("medlens")
    await popup.close()
    popup = await checked(extension, page)
    assert site.hits["/ward"], "the service opened it"
    scans = await extension.ask("GET", "/api/scans?q=again")
    assert len(scans["scans"]) == 1, "one scan, not one for each time it was opened"


async def test_a_page_checked_before_says_so_and_is_checked_again_on_demand(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/ward?before")
    await checked(extension, page)
    await page.close()
    await extension.forget_jobs()
    page = await opened(extension, site, "/ward?before")
    popup = await checked(extension, page)
    assert len((await extension.ask("GET", "/api/scans?q=before"))["scans"]) == 1
    await popup.locator("#again").click()
    await expect(popup.locator("#again")).to_be_hidden()
    await expect(popup.locator("#status")).to_have_text("Done")
    assert len((await extension.ask("GET", "/api/scans?q=before"))["scans"]) == 2


async def test_marks_explain_and_take_a_correction_and_go_without_trace(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/ward?marks")
    popup = await checked(extension, page)
    before = await page.content()
    medical = int(await popup.locator("[data-filter=medical] span").inner_text())
    assert medical
    await popup.locator("#mark").check()
    await page.bring_to_front()
    await expect(page.locator("[data-medlens]")).to_have_count(medical)
    layer = await Layer.of(page)
    await until(lambda: _count(layer), medical)
    first = (await layer.labels())[0]
    await layer.click(first)
    await until(lambda: _says(layer, "Prediction of each model"), True)
    await layer.click("Ultrasound")
    await until(lambda: _says(layer, "Your correction counts from now on"), True)
    assert "Ultrasound ✓" in await layer.labels()
    await page.keyboard.press("Escape")
    assert await layer.card() == ""
    corrected = await extension.ask("GET", "/api/scans?corrected=true")
    assert corrected["scans"], "the service remembers"
    await popup.bring_to_front()
    await popup.locator("#mark").uncheck()
    await page.bring_to_front()
    await expect(page.locator("[data-medlens-layer]")).to_have_count(0)
    assert await page.content() == before
    for scan in corrected["scans"]:
        report = await extension.ask("GET", f"/api/scans/{scan['id']}")
        for image in report["images"]:
            if image["verdict"]["corrected"]:
                await extension.ask("DELETE", f"/api/images/{image['sha256']}/feedback")


async def test_popup_and_mark_quote_the_caption(extension: Extension, site: Site) -> None:
    site.add("/slice.png", scan_of("CT_small.dcm"), "image/png")
    figure = "<figure><img src=/slice.png width=320><figcaption>Figure 1: Axial CT of the chest</figcaption></figure>"
    site.add("/case.html", html_page(figure))
    page = await opened(extension, site, "/case.html")
    popup = await checked(extension, page)
    await expect(popup.locator("#gallery .notes")).to_contain_text("The caption says CT: “Figure 1: Axial CT of the chest”")
    await popup.locator("#mark").check()
    await page.bring_to_front()
    layer = await Layer.of(page)
    await until(lambda: _some(layer), True)
    await layer.click((await layer.labels())[0])
    await until(lambda: _says(layer, "The caption says CT"), True)


async def shows_heat(extension: Extension, site: Site, path: str) -> None:
    """The first mark's card of a page shows its heat map once it is asked for."""
    page = await opened(extension, site, path)
    popup = await checked(extension, page)
    await popup.locator("#mark").check()
    await page.bring_to_front()
    layer = await Layer.of(page)
    await until(lambda: _some(layer), True)
    await layer.click((await layer.labels())[0])
    await until(lambda: _says(layer, "Show the heat map"), True)
    await layer.click("Show the heat map")
    await until(lambda: _has_canvas(layer), True)


async def test_a_heat_map_shows_in_the_card(extension: Extension, site: Site) -> None:
    await shows_heat(extension, site, "/ward?heat")


async def test_a_heat_map_that_is_not_made_yet_is_asked_for_again(extension: Extension, site: Site, service: Service) -> None:
    async with EventsProxy(service.address, "refuse", unmade=2) as proxy:
        await extension.reset(proxy.address, TOKEN)
        await shows_heat(extension, site, "/ward?patience")
        assert proxy.unmade == 0


async def test_export_and_dashboard(extension: Extension, site: Site, service: Service) -> None:
    page = await opened(extension, site, "/ward?export")
    popup = await checked(extension, page)
    href = await popup.locator("#dashboard").get_attribute("href")
    assert href.startswith(f"{service.address}/scans/")
    for button, name in (("#csv", "medlens.csv"), ("#json", "medlens.json")):
        await popup.locator("#more summary").click()
        async with popup.expect_download() as coming:
            await popup.locator(button).click()
        download = await coming.value
        assert download.suggested_filename == name
        assert "sha256" in (text := (await download.path()).read_text())
        assert (",".join(COLUMNS) in text) is (button == "#csv")  # the service's own table


async def _count(layer: Layer) -> int:
    return len(await layer.labels())


async def _some(layer: Layer) -> bool:
    return bool(await layer.labels())


async def _says(layer: Layer, words: str) -> bool:
    return words in await layer.card()


async def _has_canvas(layer: Layer) -> bool:
    return any(node.name == "CANVAS" for node in await layer.nodes())

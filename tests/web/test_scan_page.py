"""A scan's page by hand, in a real browser: gallery, folded copies, filters, order, detail, corrections of one and of many."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from server.contract.records import ScanError
from server.store import scans
from server.store.database import Database
from tests.judged import MODEL, digest, judged
from tests.web.conftest import scanned, signed_in, webp
from tests.web.scan_page import EVIL, at, five, short, shown
from tests.web.tabs import DESK, PHONE, axe_finds, needs_axe, sideways, statements


async def test_the_gallery_stands_in_page_order_with_copies_folded(browsed: Page, kept: Database) -> None:
    scan_id = await five(kept)
    await browsed.goto(f"/scans/{scan_id}?order=page")
    await browsed.keyboard.press("n")
    assert await shown(browsed) == short("a", "c", "d", "e")
    await browsed.get_by_role("button", name="near duplicates: 1").click()
    assert await shown(browsed) == short("a", "b", "c", "d", "e")
    await browsed.keyboard.press("f")
    assert await shown(browsed) == short("a", "c", "d", "e")
    await expect(browsed.locator(".card:visible").last).to_contain_text("No thumbnail is kept")
    assert await browsed.title() == f"{EVIL} · medlens"
    assert await browsed.evaluate("[...document.querySelectorAll('.card img')].every((one) => one.loading === 'lazy')")


async def test_filters_and_order_stay_in_the_address(browsed: Page, kept: Database) -> None:
    scan_id = await five(kept)
    await browsed.goto(f"/scans/{scan_id}")
    for name, wanted in [("medical", "ade"), ("uncertain", "d"), ("disagree", "d"), ("ct", "a"), ("non_medical", "c")]:
        await browsed.click(f'[data-filter="{name}"]')
        assert await shown(browsed) == short(*wanted)
    await browsed.click('[data-filter="medical"]')
    await browsed.select_option("#sort", "sure")
    assert await shown(browsed) == short("e", "a", "d")
    await browsed.reload()
    assert await shown(browsed) == short("e", "a", "d")
    await browsed.select_option("#sort", "unsure")
    assert await shown(browsed) == short("d", "a", "e")
    await browsed.goto(f"/scans/{scan_id}?show=nonsense&order=nonsense")
    assert await shown(browsed) == short("a", "d", "e")


async def test_an_image_opens_in_a_dialog_that_has_an_address(browsed: Page, kept: Database) -> None:
    scan_id = await five(kept)
    await scanned(kept, judged("a", "ct"), title="Another page")
    await browsed.goto(f"/scans/{scan_id}?order=page")
    await browsed.keyboard.press("n")
    await browsed.locator(".card a").first.click()
    detail = browsed.locator("#detail")
    await expect(detail.locator("[data-verdict]")).to_have_text("CT")
    await expect(detail.locator("[data-position]")).to_have_text("1 of 4")
    await expect(detail.locator(".members tbody tr, .members tr:has(td)")).to_have_count(2)
    await expect(detail.locator(".bars tr")).to_have_count(7)  # medical at all, and six modalities
    await expect(detail.locator(".panel-box")).to_have_count(2)
    await detail.locator("[data-panel]").last.hover()
    await expect(detail.locator(".panel-box.pointed")).to_have_attribute("x", "320")
    await expect(detail).to_contain_text("Found in 2 scans")
    await expect(detail.locator(".seen > li").first).to_contain_text(EVIL)  # this scan first, although it is the older
    here = detail.locator(".spot .here").first
    assert [float(await here.get_attribute(name) or 0) for name in ("x", "y", "width", "height")] == [30, 10, 200, 150]
    await expect(detail.locator(".spot").first).to_have_attribute("viewBox", "0 0 1366.0 1650.0")
    await expect(detail).to_contain_text(digest("a"))
    assert browsed.url.endswith(f"#{digest('a')}")
    await browsed.keyboard.press("ArrowRight")
    await expect(detail.locator("[data-verdict]")).to_have_text("Not medical")
    await browsed.reload()
    await expect(detail.locator("[data-verdict]")).to_have_text("Not medical")
    await browsed.keyboard.press("Escape")
    await expect(detail).to_be_hidden()
    await expect(browsed).to_have_url(re.compile("/scans/[^#]*$"))
    await browsed.go_back()
    await expect(detail).to_be_visible()
    assert await browsed.title() == f"{EVIL} · medlens"


async def test_a_verdict_is_corrected_in_the_dialog_and_taken_back(browsed: Page, kept: Database) -> None:
    scan_id = await five(kept)
    await browsed.goto(f"/scans/{scan_id}#{digest('a')}")
    detail = browsed.locator("#detail")
    await expect(detail.locator("[data-verdict]")).to_have_text("CT")
    await browsed.keyboard.press("?")
    await expect(browsed.locator("#keys")).to_contain_text("Show or hide the heat map")
    await browsed.keyboard.press("Escape")
    await browsed.keyboard.press("3")
    await expect(detail.locator("[data-verdict]")).to_have_text("MRI")
    await expect(detail.locator('[data-correct="mri"]')).to_have_attribute("aria-pressed", "true")
    await browsed.keyboard.press("Escape")
    card = browsed.locator(".card").first
    await expect(card).to_contain_text("MRI")
    await expect(card).to_contain_text("Labelled by you")
    await card.get_by_role("button", name="near duplicates: 1").click()
    await expect(browsed.locator("[data-copy-of]")).to_contain_text("MRI")
    assert (await scans.report(kept, scan_id)).images[1].verdict.corrected  # the copy, too
    await card.locator("a").click()
    await browsed.get_by_role("button", name="Undo the correction").click()
    await expect(detail.locator("[data-verdict]")).to_have_text("CT")
    assert not any(one.verdict.corrected for one in (await scans.report(kept, scan_id)).images)


async def test_cards_say_it_in_words_and_a_percentage_only_where_it_is_sure(browsed: Page, kept: Database) -> None:
    images = [
        judged("a", "ct", 0.96, uncertain=True, thumbnail=webp(1)),
        judged("b", "ct", 0.5, uncertain=True, medical_sure=True, thumbnail=webp(99)),
        judged("c", "mri", 0.99, contains=("ct", "mri"), thumbnail=webp(50)),
        judged("d", "xray", 0.99, thumbnail=webp(70)),
    ]
    await browsed.goto(f"/scans/{await scanned(kept, *(at(one, 10 + 300 * n) for n, one in enumerate(images)))}")
    names, percents = browsed.locator(".card [data-name]"), browsed.locator(".card [data-percent]")
    words = ["Probably CT", "Medical, X-ray or CT", "Figure with CT and MRI", "X-ray"]
    await expect(names).to_have_text(words)
    await expect(percents).to_have_text(["", "", "", "99 %"])
    await expect(browsed.locator(".card").nth(2).locator(".dot")).to_have_count(2)
    for filter, wanted in [("ct", "abc"), ("mri", "c"), ("uncertain", "ab")]:
        await browsed.click(f'[data-filter="{filter}"]')
        assert await shown(browsed) == short(*wanted)
        assert await browsed.locator(f'[data-count="{filter}"]').inner_text() == str(len(wanted))
    await browsed.click('[data-filter=""]')
    await browsed.goto(f"{browsed.url}#{digest('c')}")
    await expect(browsed.locator("#detail [data-verdict]")).to_have_text("Figure with CT and MRI")
    await browsed.keyboard.press("1")
    await expect(names).to_have_text([*words[:2], "X-ray", "X-ray"])
    await browsed.get_by_role("button", name="Undo the correction").click()
    await browsed.keyboard.press("Escape")
    await expect(names).to_have_text(words)  # now in the script's words
    await expect(percents).to_have_text(["", "", "", "99 %"])
    await expect(browsed.locator(".card").nth(2).locator(".dot")).to_have_count(2)


async def test_many_are_corrected_at_once_and_taken_back(browsed: Page, kept: Database) -> None:
    scan_id = await five(kept)
    await browsed.goto(f"/scans/{scan_id}")
    for key in "jxjx":
        await browsed.keyboard.press(key)
    await expect(browsed.locator("#bulk")).to_contain_text("2 selected")
    await browsed.locator('[data-bulk="other_medical"]').click()
    await expect(browsed.locator(".toast")).to_contain_text("2 images: Other medical.")
    await expect(browsed.locator('[data-count="other_medical"]')).to_have_text("2")
    await expect(browsed.locator('[data-count="corrected"]')).to_have_text("2")
    await browsed.get_by_role("button", name="Undo").click()
    await expect(browsed.locator('[data-count="corrected"]')).to_have_text("0")
    await browsed.keyboard.press("a")
    await browsed.keyboard.press("6")
    await expect(browsed.locator('[data-count="non_medical"]')).to_have_text("4")
    await browsed.reload()
    await expect(browsed.locator('[data-count="medical"]')).to_have_text("0")


async def test_a_scan_is_deleted_and_brought_back_from_the_history(browsed: Page, kept: Database) -> None:
    scan_id = await five(kept)
    await browsed.goto(f"/scans/{scan_id}")
    browsed.on("dialog", lambda dialog: dialog.accept())
    await browsed.get_by_role("button", name="Delete").click()
    await expect(browsed.locator("#no-rows")).to_contain_text("Nothing scanned yet")
    await browsed.get_by_role("button", name="Undo").click()
    await expect(browsed.locator(".row")).to_have_count(1)


@needs_axe
@pytest.mark.parametrize("what", ["gallery", "detail", "image"])
async def test_axe_finds_nothing(browsed: Page, kept: Database, what: str) -> None:
    scan_id = await five(kept)
    path = {"gallery": f"/scans/{scan_id}", "detail": f"/scans/{scan_id}#{digest('a')}", "image": f"/images/{digest('a')}"}[what]
    for size in (DESK, PHONE):
        await browsed.set_viewport_size(size)  # type: ignore[arg-type]
        await browsed.goto("about:blank")
        await browsed.goto(path)
        if what == "gallery":
            await browsed.locator("[data-select]").first.check()
            await browsed.locator(".menu summary").click()
        else:
            await expect(browsed.locator(".story h1")).to_be_visible()
        assert await axe_finds(browsed) == []
        assert not await sideways(browsed)


async def test_the_pages_ask_the_database_a_fixed_number_of_times(
    server: TestServer, session: ClientSession, kept: Database
) -> None:
    page = await signed_in(server, session)
    first, second = await five(kept), await five(kept)
    running = await scans.create(kept, kind="page", target="x")
    await scans.start(kept, running, MODEL)
    for path, count in [(f"/scans/{first}", 7), (f"/scans/{second}", 8), (f"/scans/{running}", 6), (f"/images/{digest('a')}", 7)]:
        with statements(kept) as asked:
            assert (await page.get(path)).status == 200
        assert len(asked) == count, (path, asked)


async def test_each_key_of_the_list_has_a_name_of_its_own(browsed: Page, kept: Database) -> None:
    scan_id = await scanned(kept, judged("a", "ct"), judged("b", "mri"))
    await browsed.goto(f"/scans/{scan_id}")
    await browsed.keyboard.press("?")
    names = await browsed.locator("#keys tbody th").all_inner_texts()
    assert len(names) == len(set(names)) > 8
    assert not [name for name in names if ":" in name]


async def test_a_scan_that_is_not_whole_says_why_and_can_be_tried_again(browsed: Page, kept: Database) -> None:
    lost = ScanError("damaged", "4 of 63 images were not read: 4 broken")
    url = "http://93.184.216.34/page"
    scan_id = await scans.create(kept, kind="page", target=url, url=url, title="A page")
    await scans.start(kept, scan_id, MODEL)
    await scans.finish(kept, scan_id, status="partial", error=lost, notices=[lost], found=63, images=[judged("a", "ct")])
    await browsed.goto("/")
    await expect(browsed.locator(".row-why")).to_have_text(lost.message)
    await browsed.goto(f"/scans/{scan_id}")
    await expect(browsed.locator(".reason .notice.bad")).to_have_text(lost.message)
    await expect(browsed.locator("details:has(.notices)")).to_have_count(0)  # the only notice is the reason
    await browsed.get_by_role("button", name="Retry").click()
    await browsed.wait_for_url(lambda address: str(scan_id) not in address)
    assert (await scans.report(kept, UUID(browsed.url.rpartition("/")[2]))).target == url


async def test_a_few_broken_images_are_a_footnote_of_a_scan_that_is_done(browsed: Page, kept: Database) -> None:
    footnote = ScanError("damaged", "1 of 63 images was not read: 1 broken")
    scan_id = await scans.create(kept, kind="page", target="x", url="https://example.org/x")
    await scans.start(kept, scan_id, MODEL)
    await scans.finish(kept, scan_id, status="done", notices=[footnote], found=63, images=[judged("a", "ct")])
    await browsed.goto(f"/scans/{scan_id}")
    await expect(browsed.locator(".scan-heading .chip")).to_have_text("Done")
    await expect(browsed.locator(".reason")).to_be_hidden()
    await expect(browsed.locator("details:has(.notices) summary")).to_have_text("What was not read, and remarks (1)")

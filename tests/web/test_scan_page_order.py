"""The order of a scan's page: medical images first, the others folded, and what is remembered of it."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

from server.contract.report import image_json
from server.store import scans
from server.store.database import Database
from tests.judged import MODEL, digest, judged
from tests.web.conftest import emit, scanned
from tests.web.scan_page import five, short, shown


async def test_medical_images_come_first_and_the_others_are_folded(browsed: Page, kept: Database) -> None:
    scan_id = await five(kept)
    await browsed.goto(f"/scans/{scan_id}")
    assert await shown(browsed) == short("a", "d", "e")
    fold = browsed.locator("#rest")
    await expect(fold).to_have_text("1 not medical")
    await expect(fold).to_have_attribute("aria-expanded", "false")
    await browsed.keyboard.press("a")
    await expect(browsed.locator("[data-select]:checked")).to_have_count(3)  # not what is folded away
    await browsed.keyboard.press("Escape")
    await fold.click()
    assert await shown(browsed) == short("a", "d", "e", "c")
    await browsed.goto(f"/scans/{await five(kept)}")
    assert await shown(browsed) == short("a", "d", "e", "c")  # remembered for the next scan
    await browsed.select_option("#sort", "page")
    await browsed.goto(f"/scans/{scan_id}")
    assert await shown(browsed) == short("a", "c", "d", "e")


async def test_what_is_probably_medical_comes_before_what_is_probably_not(browsed: Page, kept: Database) -> None:
    images = [judged("a", "non_medical"), judged("b", "non_medical", 0.6, uncertain=True), judged("c", "ct", 0.6, uncertain=True)]
    scan_id = await scanned(kept, *images, judged("d", "mri"))
    await browsed.goto(f"/scans/{scan_id}")
    assert await shown(browsed) == short("c", "d", "b")
    await browsed.locator("#rest").click()
    assert await shown(browsed) == short("c", "d", "b", "a")
    await browsed.select_option("#sort", "page")
    assert await shown(browsed) == short("a", "b", "c", "d")
    await browsed.select_option("#sort", "medical")
    assert await shown(browsed) == short("c", "d", "b", "a")


async def test_a_scan_without_medical_images_folds_nothing(browsed: Page, kept: Database) -> None:
    scan_id = await scanned(kept, judged("a", "non_medical"), judged("b", "non_medical"))
    await browsed.goto(f"/scans/{scan_id}")
    await expect(browsed.locator(".card:visible")).to_have_count(2)
    await expect(browsed.locator("#rest")).to_be_hidden()


async def test_a_scan_that_waits_says_for_what_and_a_running_one_how_long_it_takes(browsed: Page, kept: Database) -> None:
    scan_id = await scans.create(kept, kind="page", target="https://example.org", url="https://example.org")
    await browsed.clock.install()
    await browsed.goto(f"/scans/{scan_id}")
    so_far = browsed.locator("[data-so-far]")
    await expect(so_far).to_have_text("waiting for a worker")
    await scans.start(kept, scan_id, MODEL)
    await emit(kept, scan_id, ("found", {"found": 25, "skipped": {}, "title": None}))
    for number in range(5):
        await emit(kept, scan_id, ("verdict", image_json(judged(str(number)))))
        await expect(so_far).to_contain_text(f"Found 25, judged {number + 1}, skipped 0")
        await browsed.clock.fast_forward(1000)
    await expect(so_far).to_have_text(re.compile(r"judged 5, skipped 0; about (2\d) s for what was found so far"))


async def test_while_a_scan_runs_a_medical_image_goes_before_the_others(browsed: Page, kept: Database) -> None:
    scan_id = await scans.create(kept, kind="page", target="https://example.org", url="https://example.org")
    await scans.start(kept, scan_id, MODEL)
    await browsed.goto(f"/scans/{scan_id}")
    for image in (judged("a", "non_medical"), judged("b", "mri")):
        await emit(kept, scan_id, ("verdict", image_json(image)))
    await expect(browsed.locator(".card")).to_have_count(2)
    await expect(browsed.locator("#rest")).to_have_text("1 not medical")
    assert await shown(browsed) == short("b")
    so_far = browsed.locator("[data-so-far]")
    await expect(so_far).to_have_text("Found 2, judged 2, skipped 0")
    await emit(kept, scan_id, ("found", {"found": 7, "skipped": {"too_small": 2, "blank": 1}, "title": None}))
    await expect(so_far).to_have_text("Found 7, judged 2, skipped 3")
    assert await browsed.locator(".card").first.get_attribute("data-sha256") == digest("b")
    for image in (judged("c", "non_medical", 0.6, uncertain=True), judged("d", "ct")):
        await emit(kept, scan_id, ("verdict", image_json(image)))
    await expect(browsed.locator(".card")).to_have_count(4)
    assert await shown(browsed) == short("b", "d", "c")

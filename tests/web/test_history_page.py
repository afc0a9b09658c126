"""The history by hand, in a real browser: found again, live, chosen, deleted, brought back; with hostile titles and on a phone."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from server.store import corrections, history, scans
from server.store.database import Database
from server.web.http.keys import SETTINGS
from tests.judged import MODEL, digest, judged
from tests.web.conftest import emit, scanned, signed_in, webp
from tests.web.tabs import DESK, PHONE, axe_finds, needs_axe, sideways, statements

EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\"'{{7*7}}"


async def three(kept: Database) -> None:
    await scanned(kept, judged("a", "ct", uncertain=True, thumbnail=webp()), title="Lungs", url="https://chest.example.org/lungs")
    await scanned(kept, judged("b", "mri", agree=False, thumbnail=webp(30)), title="Knee", status="partial", kind="pdf")
    await scanned(kept, judged("c", "non_medical", thumbnail=webp(10)), title=EVIL, status="failed")


async def test_rows_say_what_was_found_and_titles_are_only_text(browsed: Page, kept: Database) -> None:
    await three(kept)
    await browsed.goto("/")
    first, _, last = await browsed.locator(".row").all()
    await expect(browsed.locator(".kept")).to_have_text("Scans are kept until you delete them.")
    await expect(first.locator(".row-title")).to_have_text(EVIL)
    await expect(first).to_contain_text("0 of 1 medical")
    await expect(last).to_contain_text("1 of 1 medical")
    await expect(last.locator(".previews img")).to_have_count(1)
    assert float(await last.locator(".shares .fill-ct").get_attribute("width") or 0) == 100
    assert await browsed.title() == "History · medlens"


async def test_filters_narrow_and_a_last_day_is_meant_whole(browsed: Page, kept: Database) -> None:
    await three(kept)
    today = await browsed.evaluate("new Date().toISOString().slice(0, 10)")
    for fill, expected in [
        ({"q": "chest.example"}, ["Lungs"]),
        ({"modality": "mri"}, ["Knee"]),
        ({"kind": "pdf"}, ["Knee"]),
        ({"from": today, "to": today, "status": "partial"}, ["Knee"]),
        ({"to": "2020-01-01"}, []),
    ]:
        await browsed.goto("/")
        for name, value in fill.items():
            place = browsed.locator(f'.filters [name="{name}"]')
            await (place.select_option(value) if name in {"modality", "kind", "status"} else place.fill(value))
            await browsed.wait_for_url(re.compile(rf"[?&]{name}="))  # at once, or shortly after the last key
        await expect(browsed.locator(".row-title")).to_have_text(expected)
        await expect(browsed.get_by_role("link", name="Reset").first).to_be_visible()
    for name, expected in (("uncertain", ["Lungs"]), ("disagreeing", ["Knee"]), ("corrected", [])):
        await browsed.goto("/")
        await browsed.locator(f'.filters [name="{name}"]').check()
        await browsed.wait_for_url(f"**/?{name}=true")
        await expect(browsed.locator(".row-title")).to_have_text(expected)


async def test_a_search_acts_while_it_is_typed_and_keeps_the_cursor(browsed: Page, kept: Database) -> None:
    await three(kept)
    await browsed.goto("/")
    await expect(browsed.get_by_role("button", name="Show")).to_be_hidden()
    await browsed.locator('[name="q"]').press_sequentially("lu")
    await browsed.wait_for_url("**/?q=lu")
    await expect(browsed.locator('[name="q"]')).to_be_focused()
    await browsed.keyboard.type("ng")
    await browsed.wait_for_url("**/?q=lung")
    await expect(browsed.locator(".row-title")).to_have_text(["Lungs"])


async def test_the_bar_has_a_legend_and_a_part_that_is_not_sure(browsed: Page, kept: Database) -> None:
    await scanned(kept, judged("a", "ct", uncertain=True), judged("b", "ct"), judged("c", "mri"), judged("d", "non_medical"))
    await browsed.goto("/")
    await expect(browsed.locator(".legend span")).to_have_count(7)
    await expect(browsed.locator(".row-counts p")).to_have_text("3 of 4 medical, 1 not sure")
    widths = await browsed.locator(".row .shares rect").evaluate_all("all => all.map(one => Number(one.getAttribute('width')))")
    assert widths == [50, 25, 25, 25]
    assert await browsed.locator(".unsure-part").get_attribute("width") == "25.0"


async def test_a_scan_begun_elsewhere_appears_and_moves(browsed: Page, kept: Database) -> None:
    await browsed.goto("/")
    await expect(browsed.locator(".empty")).to_contain_text("Nothing scanned yet")
    scan_id = await scans.create(kept, kind="page", target="https://example.org", url="https://example.org/x", title=EVIL)
    row = browsed.locator(".row")
    await expect(row).to_contain_text("waiting for a worker")
    await expect(row.locator(".row-title")).to_have_attribute("href", f"/scans/{scan_id}")
    await expect(browsed.locator(".empty")).to_have_count(0)
    await scans.start(kept, scan_id, MODEL)
    await expect(row.locator(".chip")).to_have_text("Running")
    await scans.add_images(kept, scan_id, [judged("a", "ct", thumbnail=webp()), judged("b", "non_medical")])
    await emit(kept, scan_id, ("found", {"found": 2}))
    await expect(row).to_contain_text("1 of 2 medical")
    await expect(row.locator(".previews img")).to_have_count(1)
    await scans.finish(kept, scan_id, status="done", found=2)
    await expect(row.locator(".chip")).to_have_text("Done")
    await expect(row.locator(".row-title")).to_have_text(EVIL)
    assert await browsed.title() == "History · medlens"


async def test_a_row_that_came_by_itself_is_the_row_of_the_page_and_changes_leave_it_chosen(browsed: Page, kept: Database) -> None:
    await browsed.goto("/")
    scan_id = await scanned(kept, judged("a", "ct", thumbnail=webp()), title=EVIL, url="https://chest.example.org/x")
    row = browsed.locator(".row")
    await expect(row).to_contain_text("1 of 1 medical")
    await expect(row.locator(".previews img")).to_have_count(1)
    await expect(row.locator(".chip")).to_have_text("Done")  # its images are stored before its status
    whole = "row => row.outerHTML.replace(/>[^<]*<[/]time>/, '>')"  # but for its age
    live = await row.evaluate(whole)
    await browsed.reload()
    assert await row.evaluate(whole) == live
    await row.locator("[data-select]").check()
    await row.locator(".row-title").focus()
    await browsed.evaluate("window.before = document.querySelector('.row')")
    await corrections.correct(kept, digest("a"), "non_medical")
    await emit(kept, scan_id, ("status", {"status": "done"}))
    await expect(row).to_contain_text("0 of 1 medical")
    assert await browsed.evaluate("before === document.querySelector('.row') && before.contains(document.activeElement)")
    await expect(row.locator("[data-select]")).to_be_checked()


async def test_rows_are_asked_for_by_their_ids_alone(server: TestServer, session: ClientSession, kept: Database) -> None:
    page = await signed_in(server, session)
    ids = [await scanned(kept, title=title) for title in ("First", "Second")]
    told = await (await page.get(f"/rows?ids={ids[0]},{ids[1]},{uuid4()}")).text()
    assert re.findall(r'data-scan="([^"]+)"', told) == [str(ids[1]), str(ids[0])]
    assert "job-name" in await (await page.get(f"/rows?ids={ids[0]}&of=queue")).text()
    for query in ("", "ids=", "ids=x", f"ids={ids[0]}&of=else", "ids=" + ",".join([str(ids[0])] * (history.MOST + 1))):
        assert (await page.get(f"/rows?{query}")).status == 400


async def test_a_row_that_no_longer_matches_the_filters_goes(browsed: Page, kept: Database) -> None:
    scan_id = await scans.create(kept, kind="page", target="https://example.org", url="https://example.org/x")
    await browsed.goto("/?status=queued")
    await expect(browsed.locator(".row")).to_have_count(1)
    await scans.start(kept, scan_id, MODEL)
    await expect(browsed.locator(".row")).to_have_count(0)


async def test_pages_go_on_and_back_to_the_newest(browsed: Page, kept: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.web.pages.history_page.ROWS", 2)
    await three(kept)
    await browsed.goto("/")
    await browsed.get_by_role("link", name="Older").click()
    await expect(browsed.locator(".row-title")).to_have_text(["Lungs"])
    await scanned(kept, title="not on this page")
    await browsed.get_by_role("link", name="Back to the newest").click()
    await expect(browsed.locator(".row-title")).to_have_text(["not on this page", EVIL])


async def test_the_keys_are_listed_and_can_be_put_out_of_use(browsed: Page, kept: Database) -> None:
    await three(kept)
    await browsed.goto("/")
    await browsed.keyboard.press("?")
    await expect(browsed.locator("#keys")).to_contain_text("Delete the selected scans")
    await browsed.get_by_label("Single-key shortcuts are on").uncheck()
    await browsed.keyboard.press("Escape")
    await browsed.keyboard.press("a")
    await expect(browsed.locator("[data-select]:checked")).to_have_count(0)


async def test_medical_images_are_blurred_from_the_start_when_set(browsed: Page, kept: Database, app: web.Application) -> None:
    await three(kept)
    await browsed.goto("/")
    picture = browsed.locator(".previews img").last
    await expect(picture).to_have_css("filter", "none")
    await browsed.keyboard.press("b")
    await expect(picture).to_have_css("filter", "blur(14px) saturate(0.7)")
    await browsed.reload()
    assert await browsed.evaluate("document.documentElement.dataset.blur") == "on"
    await browsed.locator(".row").last.hover()
    await expect(picture).to_have_css("filter", "none")
    assert app[SETTINGS].blur_thumbnails is False


@needs_axe
async def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(browsed: Page, kept: Database) -> None:
    for fill in (False, True):
        if fill:
            await three(kept)
        for size in (DESK, PHONE):
            await browsed.set_viewport_size(size)  # type: ignore[arg-type]
            await browsed.goto("/")
            assert await axe_finds(browsed) == []
            assert not await sideways(browsed)
    await browsed.keyboard.press("?")
    assert await axe_finds(browsed) == []


async def test_a_page_of_history_is_three_questions_or_four(server: TestServer, session: ClientSession, kept: Database) -> None:
    page = await signed_in(server, session)
    await three(kept)
    for _ in range(3):
        await scanned(kept, judged("a"), title="more")
    with statements(kept) as asked:
        await page.get("/")
    assert len(asked) == 3, asked  # the session, the page, the saved filters
    scan_id = await scans.create(kept, kind="page", target="x")
    await scans.start(kept, scan_id, MODEL)
    with statements(kept) as asked:
        await page.get("/")
    assert len(asked) == 4, asked  # and what the running ones have come to

"""Tags, notes, collections and links by hand: on the pages of a scan, an image and a collection, with keyboard and undo."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from playwright.async_api import Page, expect

from server.contract.records import JudgedImage, Place
from server.store import collected, collection_items, collections, tags
from server.store.database import Database
from server.store.tags import Marked
from server.web.pages import collections_page
from tests.judged import digest, judged
from tests.web.conftest import scanned, webp
from tests.web.scan_page import EVIL, short, shown
from tests.web.tabs import DESK, PHONE, axe_finds, needs_axe, sideways


def images(*names: str) -> list[JudgedImage]:
    """Medical ones, a hundred points below each other, so that this is their order on the page."""
    return [
        judged(
            name,
            "ct",
            thumbnail=webp(60 + 20 * at),
            places=(Place(f"https://example.org/{name}.png", "img", box=(0, at * 100, 90, 90)),),
        )
        for at, name in enumerate(names)
    ]


async def collection_of(kept: Database, *names: str, title: str = "Atlas") -> tuple[UUID, UUID]:
    """A collection of these images, and the scan that shows them."""
    scan_id = await scanned(kept, *images(*names), title="Chest findings")
    one = await collections.create(kept, title)
    await collection_items.add(kept, one.id, shas=[digest(name) for name in names], found_in=scan_id)
    return one.id, scan_id


async def test_tags_are_added_by_key_removed_and_undone(browsed: Page, kept: Database) -> None:
    scan_id = await scanned(kept, *images("a"))
    await tags.set_tags(kept, Marked(sha256=digest("a")), ["Thorax"])
    await browsed.goto(f"/scans/{scan_id}")
    await browsed.keyboard.press("t")
    field = browsed.get_by_label("Add a tag")
    await expect(field).to_be_focused()
    await expect(browsed.locator("#tag-names option")).to_have_count(1)
    await browsed.keyboard.type("thorax, <b>1</b>")
    await browsed.keyboard.press("Enter")
    chips = browsed.locator(".tag a")
    await expect(chips).to_have_text(["<b>1</b>", "Thorax"])
    await browsed.keyboard.press("Backspace")
    await expect(chips).to_have_text(["<b>1</b>"])
    await browsed.get_by_role("button", name="Undo").last.click()
    await expect(chips).to_have_text(["<b>1</b>", "Thorax"])
    await browsed.get_by_role("button", name="Remove the tag <b>1</b>").click()
    await expect(chips).to_have_text(["Thorax"])
    await browsed.reload()
    await expect(chips).to_have_text(["Thorax"])
    await chips.click()
    await expect(browsed.get_by_role("heading", level=1)).to_have_text("Thorax")
    await expect(browsed.locator(".card")).to_have_count(1)
    await browsed.goto("/?tag=THORAX")
    await expect(browsed.locator(".row")).to_have_count(1)
    await browsed.goto("/?tag=none")
    await expect(browsed.locator(".row")).to_have_count(0)


async def test_a_note_is_written_by_key_and_undone(browsed: Page, kept: Database) -> None:
    await scanned(kept, *images("a"))
    await browsed.goto(f"/images/{digest('a')}")
    await browsed.keyboard.press("e")
    await browsed.keyboard.type("Nodule in the left lobe.")
    await browsed.keyboard.press("Control+Enter")
    note = browsed.locator("[data-text]")
    await expect(note).to_have_text("Nodule in the left lobe.")
    await browsed.reload()
    await expect(note).to_have_text("Nodule in the left lobe.")
    await browsed.get_by_role("button", name="Edit the note").click()
    await browsed.get_by_role("textbox", name="Note").fill("other")
    await browsed.keyboard.press("Escape")
    await expect(note).to_have_text("Nodule in the left lobe.")
    await browsed.get_by_role("button", name="Edit the note").click()
    await browsed.get_by_role("textbox", name="Note").fill("")
    await browsed.get_by_role("button", name="Save").click()
    await expect(note).to_be_hidden()
    await expect(browsed.get_by_role("button", name="Add a note")).to_be_focused()
    await browsed.get_by_role("button", name="Undo").click()
    await expect(note).to_have_text("Nodule in the left lobe.")


async def test_an_image_is_tagged_in_the_dialog_and_its_digits_are_no_corrections(browsed: Page, kept: Database) -> None:
    scan_id = await scanned(kept, *images("a", "b"))
    await browsed.goto(f"/scans/{scan_id}#{digest('a')}")
    field = browsed.locator("#detail").get_by_label("Add a tag")
    await field.fill("Case 12")
    await field.press("3")
    await field.press("Enter")
    await expect(browsed.locator("#detail .tag a")).to_have_text("Case 123")
    await expect(browsed.locator("#detail [data-verdict]")).to_have_text("CT")
    await browsed.locator("#detail").get_by_role("button", name="Undo").click()
    await expect(browsed.locator("#detail .tag a")).to_have_count(0)


async def test_selected_images_all_medical_ones_or_the_scan_go_into_a_collection(browsed: Page, kept: Database) -> None:
    scan_id = await scanned(kept, *images("a", "b", "c"), judged("d", "non_medical"), title="Chest findings")
    await browsed.goto(f"/scans/{scan_id}")
    await browsed.locator(f'[data-sha256="{digest("b")}"] [data-select]').check()
    await browsed.locator("#bulk [data-collect]").click()
    dialog = browsed.locator("#collect")
    await expect(dialog.get_by_label("The selected images (1)")).to_be_checked()
    await dialog.get_by_role("textbox").or_(dialog.get_by_role("combobox")).fill("Atlas")
    await browsed.keyboard.press("Enter")
    await expect(browsed.locator(".toast")).to_contain_text("Added to Atlas: 1.")
    await browsed.locator("main > article [data-collect]").click()
    await dialog.get_by_label("All medical images (3)").check()
    await dialog.get_by_role("button", name="Atlas").click()
    await expect(browsed.locator(".toast").last).to_contain_text("Added to Atlas: 2.")
    await browsed.locator(".toast").last.get_by_role("button", name="Undo").click()
    (one,) = await collections.collections(kept)
    await expect(browsed.locator(".toast")).to_have_count(1)
    for _ in range(50):
        if (await collections.collection(kept, one.id)).images == 1:
            break
        await browsed.wait_for_timeout(100)
    assert [image.row.judged.image.sha256 for image in await collected.images(kept, one.id)] == [digest("b")]
    await browsed.locator("main > article [data-collect]").click()
    await dialog.get_by_label("The scan as a whole").check()
    await dialog.get_by_role("combobox").fill("ATLAS")
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await browsed.locator(".toast").last.get_by_role("link", name="Open").click()
    await expect(browsed.get_by_role("heading", level=1)).to_have_text("Atlas")
    await expect(browsed.locator(".collected-scans a")).to_have_text("Chest findings")
    await expect(browsed.locator(".card")).to_have_count(1)


async def test_a_collection_is_arranged_and_emptied_by_key_with_undo(browsed: Page, kept: Database) -> None:
    one, _ = await collection_of(kept, "a", "b", "c")
    await browsed.goto(f"/collections/{one}")
    assert await shown(browsed) == short("a", "b", "c")
    card = browsed.locator(f'[data-sha256="{digest("c")}"]')
    await card.locator("[data-select]").check()
    await browsed.keyboard.press("<")
    await expect(browsed.locator(".card").nth(1)).to_have_attribute("data-sha256", digest("c"))
    await browsed.locator("#bulk").get_by_role("button", name="Move to the front").click()
    await expect(browsed.locator(".card").first).to_have_attribute("data-sha256", digest("c"))
    await browsed.reload()
    assert await shown(browsed) == short("c", "a", "b")
    await card.locator("[data-select]").check()
    await browsed.keyboard.press(">")
    await expect(browsed.locator(".card").nth(1)).to_have_attribute("data-sha256", digest("c"))
    await browsed.keyboard.press("Delete")
    await expect(browsed.locator(".toast")).to_contain_text("Removed: 1.")
    assert await shown(browsed) == short("a", "b")
    await browsed.get_by_role("button", name="Undo").click()
    await expect(browsed.locator(".card")).to_have_count(3)
    assert await shown(browsed) == short("a", "c", "b")


async def test_a_collection_is_made_renamed_deleted_and_restored(browsed: Page, kept: Database) -> None:
    await browsed.goto("/collections")
    await expect(browsed.locator(".empty")).to_contain_text("No collection yet")
    await browsed.keyboard.press("n")
    await browsed.keyboard.type(EVIL[:60])
    await browsed.keyboard.press("Enter")
    await browsed.wait_for_url(re.compile("/collections/[0-9a-f-]{36}"))
    await browsed.get_by_role("button", name="Rename").click()
    await browsed.keyboard.type("Atlas")
    await browsed.keyboard.press("Enter")
    await expect(browsed.get_by_role("heading", level=1)).to_have_text("Atlas")
    assert await browsed.title() == "Atlas · medlens"
    await browsed.get_by_role("button", name="Add a note").click()
    await browsed.keyboard.type("for teaching")
    await browsed.get_by_role("button", name="Save").click()
    await browsed.get_by_role("button", name="Delete").click()
    await browsed.wait_for_url("**/collections")
    await expect(browsed.locator(".toast")).to_contain_text("Deleted: Atlas.")
    await browsed.get_by_role("button", name="Undo").click()
    await expect(browsed.locator("[data-text]")).to_have_text("for teaching")
    await browsed.goto("/collections")
    await browsed.get_by_placeholder("Name of a new collection").fill("atlas")
    await browsed.keyboard.press("Enter")
    await expect(browsed.locator("[data-error]")).to_contain_text("is taken")


async def test_a_large_collection_has_pages(browsed: Page, kept: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collections_page, "PAGE", 2)
    one, _ = await collection_of(kept, "a", "b", "c")
    await browsed.goto(f"/collections/{one}")
    assert await shown(browsed) == short("a", "b")
    await browsed.locator(".card").nth(1).locator("[data-select]").check()
    await browsed.keyboard.press(">")  # the last of this page: nothing stands behind it here
    await browsed.get_by_role("link", name="More images").click()
    await expect(browsed.locator(".card")).to_have_count(1)
    await browsed.get_by_role("link", name="Back to the beginning").click()
    await expect(browsed.locator(".card")).to_have_count(2)


@needs_axe
@pytest.mark.parametrize("what", ["collections", "empty", "collection", "collect", "image"])
async def test_axe_finds_nothing_in_light_and_dark(browsed: Page, kept: Database, what: str) -> None:
    if what != "empty":
        one, scan_id = await collection_of(kept, "a", "b", title="A name that is long enough to be cut on a telephone, or to wrap")
        await collection_items.add(kept, one, [scan_id])
        await tags.set_tags(kept, Marked(sha256=digest("a")), ["Thorax", "a tag with a longer name than others have"])
        await tags.set_note(kept, Marked(sha256=digest("a")), "A note.\nOf two lines.")
        await collections.change(kept, one, note="For teaching.")
    path = {"collections": "/collections", "empty": "/collections"}.get(what, "")
    for size in (DESK, PHONE):
        await browsed.set_viewport_size(size)  # type: ignore[arg-type]
        await browsed.goto(path or (f"/images/{digest('a')}?collection={one}" if what == "image" else f"/collections/{one}"))
        if what in {"collection", "collect"}:
            await browsed.locator("[data-select]").first.check()
        if what == "collect":
            await browsed.locator("#bulk [data-collect]").click()
            await expect(browsed.locator("[data-recent] button")).to_have_count(1)
        assert await axe_finds(browsed) == []
        assert not await sideways(browsed)

"""Rows of the history that are deleted, by keys, elsewhere or all at once, and brought back."""

from __future__ import annotations

from playwright.async_api import Page, expect

from server.store.database import Database
from tests.web.conftest import Client, scanned
from tests.web.test_history_page import three


async def test_rows_are_chosen_by_keys_deleted_and_brought_back(browsed: Page, kept: Database) -> None:
    await three(kept)
    await browsed.goto("/")
    for key in "jxjx":
        await browsed.keyboard.press(key)
    await expect(browsed.locator("#delete-selected")).to_contain_text("2")
    await browsed.keyboard.press("d")
    await expect(browsed.locator(".row-title")).to_have_text(["Lungs"])
    await expect(browsed.locator(".toast")).to_contain_text("2 scans deleted")
    await browsed.goto("/new")
    await browsed.goto("/")  # the minute goes on over pages
    await browsed.get_by_role("button", name="Undo").click()
    await expect(browsed.locator(".row")).to_have_count(3)
    await expect(browsed.locator(".toast")).to_contain_text("Restored")
    await browsed.locator("#select-page").check()
    await expect(browsed.locator("[data-select]:checked")).to_have_count(3)


async def test_an_open_history_follows_deletions_made_elsewhere(browsed: Page, client: Client, kept: Database) -> None:
    lungs = await scanned(kept, title="Lungs")
    await scanned(kept, title="Knee")
    await browsed.goto("/")
    await expect(browsed.locator(".row")).to_have_count(2)
    deleted = await (await client.post("/api/scans/forget", json={"ids": [str(lungs)]})).json()
    await expect(browsed.locator(".row-title")).to_have_text(["Knee"])
    await client.post("/api/scans/restore", json={"undo": deleted["undo"]})
    await expect(browsed.locator(".row-title")).to_have_text(["Knee", "Lungs"])
    await client.post("/api/scans/forget", json={"everything": True})
    await expect(browsed.locator(".empty")).to_contain_text("Nothing scanned yet")


async def test_all_are_deleted_only_when_sure(browsed: Page, kept: Database) -> None:
    await three(kept)
    await browsed.goto("/")
    await browsed.locator("#delete-all").click()
    await browsed.get_by_role("button", name="Keep them").click()
    await expect(browsed.locator(".row")).to_have_count(3)
    await browsed.locator("#delete-all").click()
    await browsed.locator("#sure").get_by_role("button", name="Delete all").click()
    await expect(browsed.locator(".empty")).to_contain_text("Nothing scanned yet")
    await browsed.keyboard.press("u")
    await expect(browsed.locator(".row")).to_have_count(3)

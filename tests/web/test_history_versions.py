"""Scans of one address in the history, by hand in a real browser: one row, its earlier scans, and other orders."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from server.store import saved_filters
from server.store.database import Database
from server.store.scans import create
from tests.judged import judged
from tests.web.conftest import Client, refusal, scanned
from tests.web.tabs import DESK, PHONE, axe_finds, needs_axe, sideways

URL = "https://chest.example.org/lungs"


async def versions(kept: Database) -> None:
    await scanned(kept, judged("a", "ct"), title="Lungs, first", url=URL)
    await scanned(kept, judged("b", "mri", 0.42), judged("c", "mri"), title="Knee", url="https://knee.example.org/")
    await scanned(kept, judged("d", "ct"), judged("e", "xray"), judged("f", "ct"), title="Lungs, again", url=URL)


async def test_an_address_has_one_row_from_which_its_earlier_scans_open(browsed: Page, kept: Database) -> None:
    await versions(kept)
    await browsed.goto("/")
    await expect(browsed.locator(".row-title")).to_have_text(["Lungs, again", "Knee"])
    await browsed.get_by_role("link", name="1 earlier scan").click()
    await expect(browsed.get_by_role("heading", level=1)).to_have_text("All scans of this address")
    await expect(browsed.locator(".row-title")).to_have_text(["Lungs, again", "Lungs, first"])
    await expect(browsed.locator(".address")).to_contain_text(URL)
    await browsed.locator('.filters [name="modality"]').select_option("xray")
    await expect(browsed.locator(".row-title")).to_have_text(["Lungs, again"])
    await browsed.get_by_role("link", name="Back to the history").click()
    await browsed.get_by_label("Every scan", exact=True).check()
    await expect(browsed.locator(".row-title")).to_have_text(["Lungs, again", "Knee", "Lungs, first"])


async def test_a_new_scan_of_an_address_takes_the_place_of_its_row(browsed: Page, kept: Database) -> None:
    await versions(kept)
    await browsed.goto("/")
    await expect(browsed.locator(".row")).to_have_count(2)
    await create(kept, kind="page", target=URL, url=URL, title="Lungs, once more")
    await expect(browsed.locator(".row-title")).to_have_text(["Lungs, once more", "Knee"])
    await expect(browsed.get_by_role("link", name="2 earlier scans")).to_be_visible()
    await browsed.locator("[data-select]").first.check()
    await browsed.locator("#delete-selected").click()
    await expect(browsed.locator(".row-title")).to_have_text(["Lungs, again", "Knee"])
    await browsed.get_by_role("button", name="Undo").click()
    await expect(browsed.locator(".row-title")).to_have_text(["Lungs, once more", "Knee"])


async def test_the_history_is_sorted_and_filtered_by_confidence(browsed: Page, kept: Database) -> None:
    await versions(kept)
    await browsed.goto("/")
    for value, expected in [("name", ["Knee", "Lungs, again"]), ("medical", ["Lungs, again", "Knee"])]:
        await browsed.get_by_label("Sort by").select_option(value)
        await browsed.wait_for_url(re.compile(f"sort={value}"))
        await expect(browsed.locator(".row-title")).to_have_text(expected)
        await expect(browsed.get_by_label("Sort by")).to_be_focused()
    await browsed.get_by_label("Reverse order").check()
    await expect(browsed.locator(".row-title")).to_have_text(["Knee", "Lungs, again"])
    await browsed.goto("/")
    await browsed.get_by_label("Confidence to").select_option("50")
    await expect(browsed.locator(".row-title")).to_have_text(["Knee"])
    await expect(browsed.get_by_role("link", name="Reset").first).to_be_visible()


async def test_a_filter_is_saved_renamed_deleted_and_restored(browsed: Page, kept: Database) -> None:
    await versions(kept)
    await browsed.goto("/?sort=name&modality=xray&cursor=")
    await browsed.get_by_role("button", name="Save this filter").click()
    await browsed.get_by_label("Name of the filter").last.fill("Chests")
    await browsed.get_by_role("button", name="Save", exact=True).click()
    saved = browsed.get_by_role("list", name="Saved filters").get_by_role("link")
    await expect(saved).to_have_text(["Chests"])
    await browsed.goto("/?q=knee")
    await browsed.get_by_role("button", name="Save this filter").click()
    await browsed.get_by_label("Name of the filter").last.fill("CHESTS")
    await browsed.get_by_role("button", name="Save", exact=True).click()
    await expect(browsed.get_by_role("alert").filter(has_text="CHESTS")).to_have_text('the name "CHESTS" is taken')
    await browsed.get_by_role("button", name="Cancel").click()
    await saved.click()
    await browsed.wait_for_url("**/?modality=xray&sort=name")
    await expect(browsed.locator(".row-title")).to_have_text(["Lungs, again"])
    await browsed.get_by_role("button", name="Rename").click()
    await browsed.get_by_label("Name of the filter").last.fill("Lungs")
    await browsed.get_by_role("button", name="Save", exact=True).click()
    await expect(saved).to_have_text(["Lungs"])
    await browsed.locator("#saved-filters").get_by_role("button", name="Delete").click()
    await expect(saved).to_have_count(0)
    await browsed.get_by_role("button", name="Undo").click()
    await expect(saved).to_have_text(["Lungs"])


async def test_saved_filters_over_the_api(client: Client, kept: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_filters, "MAX_SAVED_FILTERS", 1)
    given = {"name": " Unsure  CT ", "query": "?uncertain=true&modality=ct&cursor=x"}
    saved = await (await client.post("/api/filters", json=given)).json()
    assert (saved["name"], saved["query"]) == ("Unsure CT", "modality=ct&uncertain=true")
    assert await (await client.get("/api/filters")).json() == {"filters": [saved]}
    for body in ({"name": "b", "query": "modality=ct"}, {"name": "b", "query": "x=1"}, {"name": " ", "query": ""}, {"name": "b"}):
        assert await refusal(await client.post("/api/filters", json=body)) == (400, "bad_request")
    path = f"/api/filters/{saved['id']}"
    assert (await (await client.ask("PUT", path, json={"name": "CT"})).json())["name"] == "CT"
    assert (await client.ask("DELETE", path)).status == 200
    for method, where in (("DELETE", path), ("PUT", path), ("DELETE", "/api/filters/x")):
        body = {"json": {"name": "CT"}} if method == "PUT" else {}
        assert await refusal(await client.ask(method, where, **body)) == (404, "not_found")


@needs_axe
async def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(browsed: Page, kept: Database) -> None:
    await versions(kept)
    for size in (DESK, PHONE):
        await browsed.set_viewport_size(size)
        for path in ("/", f"/?url={URL}"):
            await browsed.goto(path)
            assert await axe_finds(browsed) == []
            assert not await sideways(browsed)

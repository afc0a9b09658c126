"""What stands with an image, on the pages, in the CSV and in the history's filter; its words are text wherever they come."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from playwright.async_api import Page, expect

from server.contract.records import JudgedImage
from server.contract.verdict import Context
from server.store.database import Database
from tests.judged import digest, judged
from tests.web.conftest import Client, scanned, webp

EVIL = "=1+1 <img src=x onerror=\"document.title='owned'\"> CT"


def said(one: JudgedImage, *, agrees: bool, quote: str = EVIL) -> JudgedImage:
    return replace(one, joined=replace(one.verdict, context=Context("ct", True, quote, "caption", agrees)))


async def test_the_scans_page_marks_and_filters_what_the_text_contradicts(browsed: Page, kept: Database) -> None:
    scan_id = await scanned(
        kept,
        said(judged("a", "mri", thumbnail=webp()), agrees=False),
        said(judged("b", "ct", thumbnail=webp()), agrees=True),
        judged("c", "ct", thumbnail=webp()),
    )
    await browsed.goto(f"/scans/{scan_id}")
    await expect(browsed.locator('[data-mark="context"]:visible')).to_have_text(["The caption says CT"])
    await browsed.locator('[data-filter="context"]').click()
    await expect(browsed.locator(".card:visible")).to_have_count(1)
    await expect(browsed.locator(".card:visible")).to_have_attribute("data-sha256", digest("a"))
    await browsed.goto(f"/scans/{scan_id}?show=context")
    await expect(browsed.locator(".card:visible")).to_have_count(1)


async def test_the_images_page_quotes_the_text_as_text(browsed: Page, kept: Database) -> None:
    scan_id = await scanned(kept, said(judged("a", "mri", thumbnail=webp()), agrees=False))
    await browsed.goto(f"/images/{digest('a')}?scan={scan_id}")
    await expect(browsed.locator("p.context")).to_have_text(f"The caption says CT: {EVIL}")
    await expect(browsed).not_to_have_title("owned")
    await browsed.goto(f"/images/{digest('a')}")
    await expect(browsed.locator("p.context")).to_have_count(0)
    await expect(browsed.locator(".seen")).to_contain_text("The caption says CT")


async def test_the_table_has_it_and_runs_no_formula(client: Client, kept: Database) -> None:
    scan_id = await scanned(kept, said(judged("a", "mri"), agrees=False), judged("b", "ct"))
    text = await (await client.get(f"/api/scans/{scan_id}/export.csv")).text()
    one, other = csv.DictReader(io.StringIO(text))
    assert (one["context"], one["context_agrees"], one["context_from"], one["context_quote"]) == (
        "ct",
        "False",
        "caption",
        f"'{EVIL}",
    )
    assert {other[name] for name in ("context", "context_agrees", "context_from", "context_quote")} == {""}


async def test_the_history_keeps_scans_whose_text_disagrees(client: Client, kept: Database) -> None:
    wanted = await scanned(kept, said(judged("a", "mri"), agrees=False))
    await scanned(kept, said(judged("b", "ct"), agrees=True))
    answer = await (await client.get("/api/scans?context_disagreeing=true")).json()
    assert [scan["id"] for scan in answer["scans"]] == [str(wanted)]
    assert answer["scans"][0]["counts"]["context_disagreeing"] == 1
    report = await (await client.get(f"/api/scans/{wanted}")).json()
    assert report["images"][0]["verdict"]["context"] == {
        "modality": "ct", "sure": True, "quote": EVIL, "from": "caption", "agrees": False,
    }  # fmt: skip


async def test_an_image_has_the_text_of_each_place_where_it_was_found(client: Client, kept: Database) -> None:
    first = await scanned(kept, said(judged("a", "mri"), agrees=False))
    second = await scanned(kept, judged("a", "mri"))
    seen = (await (await client.get(f"/api/images/{digest('a')}")).json())["seen"]
    words = {"modality": "ct", "sure": True, "quote": EVIL, "from": "caption", "agrees": False}
    assert {one["scan"]: one["context"] for one in seen} == {str(first): words, str(second): None}

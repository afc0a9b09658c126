"""The review queue and the list of corrections, in a real browser and over HTTP."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect
from sqlalchemy import text

from server.store import corrections, sightings
from server.store.database import Database
from server.training.data.dataset import read_rows
from tests.judged import digest, judged
from tests.web.conftest import Client, scanned, signed_in, webp
from tests.web.tabs import DESK, PHONE, axe_finds, needs_axe, sideways, statements
from tests.web.test_pages import EVIL


async def unsure(kept: Database, *names: str, title: str = "Knee") -> None:
    """Images that a person should look at; the earlier the name, the less sure the answer."""
    images = [judged(name, "ct", 0.3 + n / 100, uncertain=True, thumbnail=webp(n * 9)) for n, name in enumerate(names)]
    await scanned(kept, *images, title=title)
    async with kept.begin() as connection:
        await connection.execute(text("UPDATE review_queue SET phash = substr(sha256, 1, 8)"))  # as if they looked different


async def said(kept: Database, name: str) -> str:
    verdict = (await sightings.image(kept, digest(name))).verdict
    return verdict.modality if verdict.corrected else ""


async def test_one_key_labels_skips_and_undoes(browsed: Page, kept: Database) -> None:
    await unsure(kept, "a", "b", "c")
    await browsed.goto("/review")
    picture = browsed.locator("[data-picture]")
    await expect(picture).to_have_attribute("src", f"/api/images/{digest('a')}/thumbnail")
    await expect(browsed.locator("[data-leans]")).to_have_text("Probably medical, X-ray or CT")
    await expect(browsed.locator("[data-why]")).to_contain_text("Not sure whether it is medical at all")
    await browsed.keyboard.press("3")
    await expect(picture).to_have_attribute("src", f"/api/images/{digest('b')}/thumbnail")
    assert await said(kept, "a") == "mri"
    await browsed.keyboard.press("s")
    await expect(picture).to_have_attribute("src", f"/api/images/{digest('c')}/thumbnail")
    await browsed.keyboard.press("u")
    await expect(picture).to_have_attribute("src", f"/api/images/{digest('b')}/thumbnail")
    await browsed.keyboard.press("u")
    await expect(picture).to_have_attribute("src", f"/api/images/{digest('a')}/thumbnail")
    await expect(browsed.locator("[data-sitting]")).to_have_text("0")
    assert await said(kept, "a") == ""
    for name in "ab":
        await expect(picture).to_have_attribute("src", f"/api/images/{digest(name)}/thumbnail")
        await browsed.keyboard.press("6")
    await expect(picture).to_have_attribute("src", f"/api/images/{digest('c')}/thumbnail")
    await browsed.keyboard.press("6")
    await expect(browsed.locator("[data-done]")).to_be_visible()
    await browsed.reload()
    await expect(browsed.locator(".empty h2")).to_have_text("Nothing to review")


async def test_a_phone_shows_question_and_answers_at_once(browsed: Page, kept: Database) -> None:
    await unsure(kept, "a", "b", title=EVIL)
    await browsed.set_viewport_size(PHONE)  # type: ignore[arg-type]
    await browsed.goto("/review")
    for place in ("[data-picture]", '[data-label="non_medical"]', '[data-act="skip"]'):
        await expect(browsed.locator(place).first).to_be_in_viewport()
    await browsed.click('[data-label="ultrasound"]')
    await expect(browsed.locator("[data-sitting]")).to_have_text("1")
    assert await said(kept, "a") == "ultrasound"
    assert await browsed.title() != "owned"


async def test_the_queue_over_http(client: Client, kept: Database) -> None:
    await unsure(kept, "a", "b", "c")
    told = await (await client.get("/api/review?limit=2")).json()
    assert [one["sha256"] for one in told["questions"]] == [digest("a"), digest("b")]
    assert (told["waiting"], told["today"], told["questions"][0]["leans"][0]) == (3, 0, "ct")
    more = await (await client.get(f"/api/review?without={digest('a')},{digest('b')}")).json()
    assert [one["sha256"] for one in more["questions"]] == [digest("c")]
    assert (await client.post(f"/api/review/{digest('a')}/skip", json={})).status == 200
    assert (await (await client.get("/api/review")).json())["waiting"] == 2
    assert (await client.ask("DELETE", f"/api/review/{digest('a')}/skip")).status == 200
    assert (await client.post(f"/api/review/{digest('nothing')}/skip", json={})).status == 404
    for query in ("limit=0", "limit=1000", "without=x", f"without={digest('a')},"):
        assert (await client.get(f"/api/review?{query}")).status == 400, query


async def test_corrections_are_listed_and_taken_back(browsed: Page, kept: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.web.pages.corrections_page.ROWS", 2)
    await browsed.goto("/corrections")
    await expect(browsed.locator(".empty h2")).to_have_text("No corrections yet")
    await scanned(
        kept, judged("a", "ct", thumbnail=webp()), judged("b", "xray"), judged("c", "ct"), judged("d", near="a", cached=True)
    )
    for name, modality in [("a", "mri"), ("b", "xray"), ("c", "other_medical")]:
        await corrections.correct(kept, digest(name), modality)
    await browsed.goto("/corrections")
    rows = browsed.locator(".corrections li")
    await expect(rows).to_have_count(2)
    await expect(rows.nth(1)).to_contain_text("confirmed")
    await rows.first.get_by_role("button", name="Undo").click()
    await expect(browsed.locator("#toasts")).to_contain_text("the verdict is CT again")
    assert await said(kept, "c") == ""
    await browsed.get_by_role("link", name="Older corrections").click()
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("near duplicates: 1")


async def test_the_data_set_can_be_learned_from(client: Client, kept: Database, tmp_path: Path) -> None:
    await scanned(kept, judged("a", "ct", thumbnail=webp()), judged("b", "xray"))
    for name, modality in [("a", "mri"), ("a", "xray"), ("b", "non_medical")]:
        await corrections.correct(kept, digest(name), modality)
    rows = list(csv.reader(io.StringIO(await (await client.get("/api/corrections.csv")).text())))
    assert rows == [["sha256", "label", "previous"], [digest("a"), "xray", "ct"], [digest("b"), "non_medical", "xray"]]
    with zipfile.ZipFile(io.BytesIO(await (await client.get("/api/corrections.zip")).read())) as whole:
        assert sorted(whole.namelist()) == ["README.txt", "manifest.csv", f"xray/{digest('a')[:16]}.webp"]
        whole.extractall(tmp_path)
    (row,) = read_rows(tmp_path)
    assert (row.label, row.file.read_bytes()) == ("xray", webp())


async def test_the_pages_ask_the_database_a_fixed_number_of_times(
    server: TestServer, session: ClientSession, kept: Database
) -> None:
    page = await signed_in(server, session)
    await unsure(kept, *(str(n) for n in range(20)))
    for n in range(20, 40):
        await scanned(kept, judged(str(n), "ct"))
        await corrections.correct(kept, digest(str(n)), "ct")
    for path, count in [("/review", 6), ("/api/review", 6), ("/corrections", 3), ("/api/corrections.csv", 2)]:
        with statements(kept) as asked:
            assert (await page.get(path)).status == 200
        assert len(asked) == count, (path, asked)


@needs_axe
async def test_axe_finds_nothing(browsed: Page, kept: Database) -> None:
    for path in ("/review", "/corrections"):
        await browsed.goto(path)
        assert await axe_finds(browsed) == []
    await unsure(kept, "a", "b", title=EVIL)
    await corrections.correct(kept, digest("a"), "mri")
    for size in (DESK, PHONE):
        await browsed.set_viewport_size(size)  # type: ignore[arg-type]
        for path in ("/review", "/corrections"):
            await browsed.goto(path)
            assert await axe_finds(browsed) == [], (path, size)
            assert not await sideways(browsed)

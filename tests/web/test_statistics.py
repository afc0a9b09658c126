"""The statistics page: its charts as images that can be read and downloaded, its tables, its periods."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect
from sqlalchemy import text

from server.charts.looks import PALETTES, framed
from server.charts.over_time import by_period
from server.charts.press import Press
from server.contract.errors import ReaderFailed
from server.contract.modalities import MODALITIES
from server.store import corrections
from server.store.database import Database
from server.web.http.keys import CHARTS
from server.web.templating import STATIC
from server.web.texts.catalogue import ENGLISH
from tests.judged import digest, judged
from tests.web.conftest import Client, scanned, signed_in, webp
from tests.web.tabs import DESK, PHONE, axe_finds, needs_axe, sideways, statements


async def some_use(kept: Database) -> None:
    """Scans of today and of two months ago, an uncertain answer, and two that people looked at."""
    await scanned(
        kept, judged("a", "ct", thumbnail=webp()), judged("b", "xray", 0.6, uncertain=True, agree=False), judged("c", "non_medical")
    )
    await scanned(kept, judged("a", "ct", cached=True))
    async with kept.begin() as connection:
        await connection.execute(text("UPDATE scans SET created_at = created_at - interval '60 days' WHERE cached > 0"))
    await corrections.correct(kept, digest("a"), "mri")
    await corrections.correct(kept, digest("c"), "non_medical")


async def test_every_chart_is_drawn_and_its_table_can_be_taken_away(client: Client, kept: Database) -> None:
    await some_use(kept)
    for name in ENGLISH.charts.charts:
        for wish in ("", "&theme=dark&width=narrow"):
            answer = await client.get(f"/statistics/{name}.svg?days=0{wish}")
            assert (answer.status, answer.content_type) == (200, "image/svg+xml"), await answer.text()
            drawn = await answer.text()
            assert not re.search(r"<script|<style|style=|\son\w+=|href=", drawn)
            assert (PALETTES["dark"].muted in drawn, PALETTES["light"].muted in drawn) == (bool(wish), not wish)
        rows = list(csv.reader(io.StringIO(await (await client.get(f"/statistics/{name}.csv?days=0")).text())))
        assert len(rows) > 1
        assert {len(row) for row in rows} == {len(rows[0])}
    png = await client.get("/statistics/images.png?days=30")
    assert (await png.read()).startswith(b"\x89PNG")
    for path in ("/statistics/nothing.svg", "/statistics/scans.exe"):
        assert (await client.get(path)).status == 404
    for query in ("days=8", "theme=blue", "width=9999", "days=7&days=30"):
        assert (await client.get(f"/statistics/scans.svg?{query}")).status == 400


async def test_the_page_says_what_happened_in_its_time(server: TestServer, session: ClientSession, kept: Database) -> None:
    page = await signed_in(server, session)
    assert "No statistics yet" in await (await page.get("/statistics")).text()
    await some_use(kept)
    for days, scans in [(7, 1), (90, 2), (0, 2)]:
        told = await (await page.get(f"/statistics?days={days}")).text()
        assert re.search(rf"<dt>Scans</dt><dd>{scans}</dd>", told)
    assert "Correct of those reviewed</dt><dd>1 <span" in told
    with statements(kept) as asked:
        await page.get("/statistics?days=0")
    assert len(asked) == 6, asked  # the session, then the statistics, however many scans there are


async def test_the_earlier_address_leads_to_the_page(server: TestServer, session: ClientSession) -> None:
    page = await signed_in(server, session)
    answer = await page.get("/figures?days=7")
    assert (answer.status, answer.headers["Location"]) == (301, "/statistics?days=7")


def test_days_become_weeks_and_months_and_no_day_is_lost() -> None:
    def figure(day: datetime) -> dict[object, object]:
        from server.store.stats import Figure

        zero = dict.fromkeys(MODALITIES, 0)
        return {day.date(): Figure(1, 1, 1, 0, 0, 0, 0, 0, zero)}  # type: ignore[arg-type]

    first = datetime(2025, 12, 30, tzinfo=UTC)
    for apart, periods in [(0, 1), (10, 11), (70, 11), (800, 28)]:
        days = {**figure(first), **figure(first + timedelta(days=apart))}
        found = by_period(days)  # type: ignore[arg-type]
        assert len(found) == periods
        assert sum(one.scans for one in found.values()) == len(days)
    assert by_period({}) == {}


def test_charts_wear_the_colours_of_the_pages() -> None:
    light, dark = (STATIC / "css" / "tokens.css").read_text().split("prefers-color-scheme: dark")
    for css, palette in ((light, PALETTES["light"]), (dark, PALETTES["dark"])):
        for name in ("surface", "line", "ink", "muted", "accent"):
            assert f"--{name}: {getattr(palette, name)};" in css


async def test_a_press_that_dies_or_meets_nonsense_goes_on() -> None:
    good = framed({"data": {"values": [{"a": 1}]}, "mark": "bar", "encoding": {}}, "light", "wide", opaque=False)
    async with Press() as press:
        assert not press.running
        assert await press.draw(good, "svg") is await press.draw(good, "svg")  # drawn once
        with pytest.raises(ReaderFailed, match="cannot be drawn"):
            await press.draw(
                {"mark": {"type": "nothing"}, "encoding": {"x": {"type": 5}}, "data": {"url": "http://127.0.0.1:9/x.csv"}}, "svg"
            )
        assert press._process is not None
        press._process.kill()
        await press._process.wait()
        assert (await press.draw(good, "png")).startswith(b"\x89PNG")
    assert not press.running


async def test_a_person_chooses_a_time_and_reads_a_table(browsed: Page, kept: Database, app: web.Application) -> None:
    await some_use(kept)
    await browsed.goto("/statistics")
    await expect(browsed.locator(".chart")).to_have_count(8)
    picture = browsed.locator("#scans img")
    await picture.scroll_into_view_if_needed()
    await expect(picture).to_have_js_property("complete", True)
    assert await picture.evaluate("image => image.naturalWidth") > 0
    assert app[CHARTS].running
    await browsed.locator("#confusion summary").click()
    await expect(browsed.locator("#confusion tbody tr")).to_have_count(6)
    await browsed.keyboard.press("[")
    await browsed.wait_for_url("**/statistics?days=30")
    async with browsed.expect_download() as taken:
        await browsed.locator("#images .downloads a").nth(2).click()
    assert (await taken.value).suggested_filename == "medlens-images.csv"


@needs_axe
async def test_axe_finds_nothing(browsed: Page, kept: Database) -> None:
    await browsed.goto("/statistics")
    assert await axe_finds(browsed) == []
    await some_use(kept)
    for size in (DESK, PHONE):
        await browsed.set_viewport_size(size)  # type: ignore[arg-type]
        await browsed.goto("/statistics?days=0")
        await browsed.locator("#images summary").click()
        assert await axe_finds(browsed) == []
        assert not await sideways(browsed)

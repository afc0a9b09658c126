"""An image's own page by hand: the heat map that takes its time, corrections by key, where it was seen; and no page jumps."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from PIL import Image
from playwright.async_api import Page, expect

from server.contract.records import Panel, Place
from server.store import thumbnails
from server.store.database import Database
from server.web.http.keys import SETTINGS
from server.web.pages.image_page import LISTED
from tests.judged import MODEL, digest, judged, verdict
from tests.web.conftest import scanned, signed_in, webp
from tests.web.tabs import DESK, PHONE

EVIL = "<img src=x onerror=\"document.title='owned'\">"


def png() -> bytes:
    out = BytesIO()
    Image.new("RGB", (64, 48), (200, 40, 40)).save(out, "PNG")
    return out.getvalue()


async def test_a_heat_map_that_is_not_made_yet_is_asked_for_again(browsed: Page, kept: Database) -> None:
    await scanned(kept, judged("a", "ct", thumbnail=webp()))
    await browsed.goto(f"/images/{digest('a')}")
    await browsed.keyboard.press("h")
    await expect(browsed.locator("[data-heat-state]")).to_contain_text("A worker is computing the heat map")
    await expect(browsed.locator("[data-heat-state]")).to_contain_text("Not ready yet", timeout=20_000)
    await thumbnails.keep_heatmap(kept, digest("a"), MODEL, png())
    overlay = browsed.locator("[data-heatmap]")
    await expect(overlay).to_be_visible(timeout=30_000)
    await expect(browsed.locator("[data-heat-state]")).to_have_text("")
    await browsed.get_by_role("button", name="Hide the heat map").click()
    await expect(overlay).to_be_hidden()
    await browsed.locator("[data-stage]").hover()
    await expect(overlay).to_be_visible()
    await browsed.mouse.move(0, 0)
    await expect(overlay).to_be_hidden()


async def test_a_correction_by_key_holds_and_is_taken_back(browsed: Page, kept: Database) -> None:
    await scanned(kept, judged("a", "ct", 0.5, uncertain=True, thumbnail=webp()))
    await browsed.goto(f"/images/{digest('a')}")
    headline, why, bars = (browsed.locator(name) for name in ("[data-verdict]", "[data-why]", ".bars"))
    await expect(headline).to_have_text("Probably medical, X-ray or CT")
    await expect(browsed.locator("[data-percent]")).to_have_count(0)  # none beside an answer that is not sure
    await expect(why).to_have_text("Not sure whether it is medical at all: 90 % speaks for it.")
    await expect(bars).to_have_count(1)
    await browsed.locator('[data-correct="ultrasound"]').focus()
    await browsed.keyboard.press("4")
    for reloaded in (False, True):
        if reloaded:
            await browsed.reload()
        await expect(why).to_have_text("You labelled it; the models had said CT.")
        await expect(headline).to_have_text("Ultrasound")
        await expect(browsed.locator(".marks").first).to_contain_text("Labelled by you")
        await expect(bars).to_have_count(0)  # of models that were wrong
        await expect(browsed.locator('[data-correct="ultrasound"]')).to_have_attribute("aria-pressed", "true")
    await browsed.keyboard.press("u")
    await expect(why).to_contain_text("Not sure")
    await expect(headline).to_have_text("Probably medical, X-ray or CT")
    await browsed.keyboard.press("2")
    await expect(why).to_have_text("You confirmed what the models had said.")
    await expect(bars).to_have_count(1)


async def test_the_panels_of_a_figure_are_shown_with_verdicts_and_positions(browsed: Page, kept: Database) -> None:
    boxes = ((0, 0, 320, 480), (320, 0, 160, 480), (480, 0, 160, 480))
    verdicts = (verdict("ct", 0.99), verdict("mri", 0.98), verdict("non_medical", 0.97))
    panels = tuple(Panel(box, one) for box, one in zip(boxes, verdicts, strict=True))
    figure = judged("a", "ct", 0.99, panels=panels, contains=("ct", "mri"), thumbnail=webp())
    await scanned(kept, figure)
    await browsed.goto(f"/images/{digest('a')}")
    await expect(browsed.locator("[data-verdict]")).to_have_text("Figure with CT and MRI")
    await expect(browsed.locator("[data-why]")).to_contain_text("judged by its parts")
    cards, shown = browsed.locator("[data-panel]"), browsed.locator(".panel-box.pointed")
    await expect(cards).to_have_text([re.compile("CT 99 % decides"), re.compile("MRI 98 %"), re.compile("Not medical 97 %")])
    await expect(shown).to_have_count(0)
    await cards.nth(1).hover()
    await expect(shown).to_have_count(1)
    assert [await shown.get_attribute(name) for name in ("x", "width")] == ["320", "160"]
    await cards.nth(2).focus()
    assert await shown.get_attribute("x") == "480"
    await browsed.keyboard.press("5")
    await expect(cards).to_have_count(0)  # the models were wrong about them


async def test_the_heat_map_comes_with_a_legend_and_can_be_faded(browsed: Page, kept: Database) -> None:
    await scanned(kept, judged("a", "ct", thumbnail=webp()))
    await thumbnails.keep_heatmap(kept, digest("a"), MODEL, png())
    await browsed.goto(f"/images/{digest('a')}")
    tools = browsed.locator("[data-heat-tools]")
    await expect(tools).to_be_hidden()
    await browsed.keyboard.press("h")
    await expect(tools).to_contain_text("little")
    await browsed.get_by_label("Opacity of the colours").fill("40")
    await expect(browsed.locator("[data-heatmap]")).to_have_css("opacity", "0.4")
    await browsed.get_by_role("button", name="Hide the heat map").click()
    await expect(tools).to_be_hidden()


async def test_where_it_was_seen_is_listed_page_by_page_and_drawn(browsed: Page, kept: Database) -> None:
    for number in range(LISTED + 2):
        place = Place("javascript:alert(1)", "embedded", page=3, alt=EVIL, box=(100, 200, 300, 150))
        image = judged("a", "ct", thumbnail=webp())
        await scanned(kept, replace(image, image=replace(image.image, places=(place,))), title=f"Paper {number}", kind="pdf")
    await browsed.goto(f"/images/{digest('a')}")
    await expect(browsed.locator(".seen > li")).to_have_count(LISTED)
    first = browsed.locator(".seen > li").first
    await expect(first).to_contain_text("page 3")
    await expect(first).to_contain_text(EVIL)
    await expect(first.locator(".spots a")).to_have_count(0)  # no link to what is no page
    await expect(first.locator(".spot")).to_have_attribute("viewBox", "0 0 595.0 842.0")
    await browsed.get_by_role("link", name="Earlier scans").click()
    await expect(browsed.locator(".seen > li")).to_have_count(2)
    assert await browsed.title() == f"{EVIL} · CT · medlens"


@pytest.mark.parametrize(
    ("setting", "cookie", "expected"), [(True, "", "on"), (True, "off", "off"), (False, "on", "on"), (False, "x", "off")]
)
async def test_the_setting_blurs_until_the_browser_says_otherwise(
    server: TestServer, session: ClientSession, app: web.Application, monkeypatch: pytest.MonkeyPatch,
    setting: bool, cookie: str, expected: str,
) -> None:  # fmt: skip
    page = await signed_in(server, session)
    monkeypatch.setitem(app._state, SETTINGS, app[SETTINGS].model_copy(update={"blur_thumbnails": setting}))
    if cookie:
        session.cookie_jar.update_cookies({"medlens_blur": cookie}, response_url=page.session._build_url(page.base))
    text = await (await page.get("/", headers={"Accept": "text/html"})).text()
    assert f'<html lang="en" dir="ltr" data-blur="{expected}">' in text


async def test_nothing_jumps_while_pages_load(browsed: Page, kept: Database) -> None:
    images = [judged(str(number), "ct", thumbnail=webp(number)) for number in range(30)]
    scan_id = await scanned(kept, *images)
    await browsed.add_init_script(
        """window.jumped = 0;
        new PerformanceObserver((list) => {
          for (const one of list.getEntries()) if (!one.hadRecentInput) window.jumped += one.value;
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    for size in (DESK, PHONE):
        await browsed.set_viewport_size(size)  # type: ignore[arg-type]
        for path in ("/", "/new", f"/scans/{scan_id}", f"/images/{digest('1')}"):
            await browsed.goto(path)
            await browsed.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            assert await browsed.evaluate("window.jumped") == 0, path

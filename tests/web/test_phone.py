"""The dashboard on a phone: what is pressed is large enough for a thumb, and toolbars take one row."""

from __future__ import annotations

from playwright.async_api import Page, expect

from server.store.database import Database
from tests.judged import digest, judged
from tests.web.conftest import scanned, webp
from tests.web.tabs import PHONE, sideways

# Small labels of a card that can be pressed are spaced apart instead.
PRESSED = "button:not(.mark), .button, select, input:not([type=checkbox], [type=range], .sr), .bar nav a, .foot a, .tab"
# Lower than 44 CSS pixels, which Apple and WCAG 2.5.5 ask for.
TOO_SMALL = """(selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility())
    .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect().height]).filter(([, height]) => height < 43.9)"""
ROWS = """(all) => {
    const middle = ({ top, height }) => Math.round(top + height / 2);
    return new Set(all.map((one) => middle(one.getBoundingClientRect()))).size;
}"""


async def test_what_is_pressed_is_44_pixels_high(browsed: Page, kept: Database) -> None:
    scan_id = await scanned(
        kept, judged("a", "mri", thumbnail=webp()), judged("b", "ct", uncertain=True), judged("c", "non_medical")
    )
    await browsed.set_viewport_size(PHONE)  # type: ignore[arg-type]
    for path in ("/", "/new", f"/scans/{scan_id}", f"/images/{digest('a')}", "/review", "/statistics", "/settings"):
        await browsed.goto(path)
        assert await browsed.evaluate(TOO_SMALL, PRESSED) == [], path
        assert not await sideways(browsed), path


async def test_toolbars_take_one_row(browsed: Page, kept: Database) -> None:
    images = [judged(name, name, thumbnail=webp()) for name in ("xray", "ct", "mri", "ultrasound", "other_medical")]
    scan_id = await scanned(kept, *images, judged("c", "non_medical"))
    await browsed.set_viewport_size(PHONE)  # type: ignore[arg-type]
    await browsed.goto(f"/scans/{scan_id}")
    for row in (".scan-heading .actions > :not([hidden])", ".gallery-tools .tabs > :not([hidden])"):
        await expect(browsed.locator(row).first).to_be_visible()
        assert await browsed.locator(row).evaluate_all(ROWS) == 1, row
    await browsed.goto("/")
    assert await browsed.locator(".list-tools > *").evaluate_all(ROWS) == 1

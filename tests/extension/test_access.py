"""WCAG: axe-core finds nothing in popup, options and a mark's card, light and dark; and everything goes by keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.extension.hands import EXTENSION, Extension, checked, opened, until
from tests.extension.layer import Layer
from tests.extension.service import ROOT, Service
from tests.site import Site

AXE = ROOT / "node_modules/axe-core/axe.min.js"
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: npm install --no-save axe-core")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
STAGE_PAGE = (
    "<!doctype html><html lang=en><title>Stage</title><main><h1>Stage</h1><img alt='A scan' width=300 src='/picture/0.png'></main>"
)
# The marks' own scripts in a page of ours, with a background that answers at once and a shadow root that axe may look into.
STAGE = """
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function () { return attach.call(this, { mode: "open" }); };
const words = MESSAGES;
const text = (key, values = []) => (words[key]?.message ?? "").replace(/\\$V(\\d)\\$/g, (_, n) => values[n - 1]);
const shares = [["ct", 0.61], ["mri", 0.3], ["xray", 0.05], ["ultrasound", 0.02], ["other_medical", 0.01], ["non_medical", 0.01]]
  .map(([modality, share]) => [modality, share, `${100 * share}%`]);
const mark = { image: "a".repeat(64), urls: [document.querySelector("img").src], modality: "ct", modalities: ["ct"], medical: true,
  words: "Medical, CT or MRI", percent: "", sure: false, corrected: false };
const why = "Not sure: the models disagree. CNN says CT, CLIP says MRI.";
globalThis.medlens = {
  define(name, make) { this[name] ??= make(); },
  browser: { text, language: () => "en", direction: () => DIRECTION,
    hold: () => () => {}, onMessage: (run) => (globalThis.tell = run),
    shadowOf: (element) => element.shadowRoot,
    ask: async () => ({ mark, why, shares, members: [["CNN", "ct", 0.61, "61%"], ["CLIP", "mri", 0.5, "50%"]] }) },
};
"""


async def violations(page: Page) -> list[Any]:
    await page.evaluate(AXE.read_text())
    found: dict[str, Any] = await page.evaluate("(tags) => axe.run({runOnly: tags})", RULES)
    return [
        (one["id"], [node["target"] for node in one["nodes"]], one["nodes"][0]["failureSummary"]) for one in found["violations"]
    ]


async def staged(extension: Extension, site: Site, direction: str = "ltr") -> Page:
    """A page with one mark, its card open."""
    page = await extension.browser.new_page()
    name = f"/stage-{direction}"
    site.add(name, STAGE_PAGE)
    await page.goto(site.url(name))
    messages = (EXTENSION / "_locales/en/messages.json").read_text()
    await page.add_script_tag(content=STAGE.replace("MESSAGES", messages).replace("DIRECTION", f'"{direction}"'))
    for script in ("modalities", "image_addresses", "element_observer", "overlay_css", "label", "card", "marks"):
        await page.add_script_tag(path=EXTENSION / f"content/{script}.js")
    await page.evaluate("tell({ type: 'answers', marks: [mark] })")
    await page.locator("button.label").click()
    await expect(page.locator("[role=dialog] .choices")).to_be_visible()
    return page


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_the_popup(extension: Extension, site: Site, scheme: Any) -> None:
    popup = await checked(extension, await opened(extension, site, "/ward?axe"))
    await popup.emulate_media(color_scheme=scheme)
    assert await violations(popup) == []
    await popup.locator("#more summary").click()
    await popup.locator("#see").click()
    await popup.set_viewport_size({"width": 300, "height": 600})
    assert await violations(popup) == []


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_the_options(extension: Extension, service: Service, scheme: Any) -> None:
    page = await extension.browser.new_page()
    await page.emulate_media(color_scheme=scheme)
    await page.goto(extension.url("options/options.html"))
    await page.locator("#paste summary").click()
    await page.locator("#test").click()
    await expect(page.locator("#tested")).to_contain_text("Connected")
    assert await violations(page) == []
    await page.locator("#address").fill("ftp://nowhere")
    await page.locator("#test").click()
    await expect(page.locator("#tested")).to_contain_text("This is not an address")
    assert await violations(page) == []


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_the_card_of_a_mark(extension: Extension, site: Site, scheme: Any) -> None:
    page = await staged(extension, site)
    await page.emulate_media(color_scheme=scheme)
    assert [one for one in await violations(page) if one[0] != "region"] == []  # the layer lies beside the page's landmarks


async def test_the_card_reads_from_right_to_left(extension: Extension, site: Site) -> None:
    page = await staged(extension, site, "rtl")
    label, image = await page.locator("button.label").bounding_box(), await page.locator("img").bounding_box()
    assert label["x"] + label["width"] > image["x"] + image["width"] - 20
    card = await page.locator("[role=dialog]").bounding_box()
    assert card["x"] >= 0


async def test_everything_goes_by_keyboard(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/ward?keys")
    popup = await checked(extension, page)
    await popup.locator("#mark").focus()
    await popup.keyboard.press("Space")
    await page.bring_to_front()
    layer = await Layer.of(page)
    await until(layer.labels, bool)
    await page.locator("#pdf").focus()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await until(layer.card, lambda words: "Correct it to" in words)
    await page.keyboard.press("Escape")
    assert await layer.card() == ""
    await page.keyboard.press("Enter")
    await until(layer.card, bool)


async def test_motion_is_left_out_for_who_wants_none(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/ward?motion")
    popup = await checked(extension, page)
    await popup.emulate_media(reduced_motion="reduce")
    moving = "[...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).animationName !== 'none').length"
    assert await popup.evaluate(moving) == 0

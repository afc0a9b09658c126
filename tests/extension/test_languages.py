"""The pages as other people read them: in German, and from right to left, with nothing cut off or pushed out."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, async_playwright, expect

from server.extract.chromium import find_chromium
from server.settings import load_settings
from tests.extension.hands import EXTENSION, Extension, opened, until
from tests.extension.layer import Layer
from tests.extension.service import TOKEN, Service
from tests.site import Site

pytestmark = pytest.mark.slow
# What is wider than its place and does not say so by an ellipsis, or sticks out of the window.
TOO_WIDE = """() => [...document.querySelectorAll("body *")].filter((one) => {
  if (!one.checkVisibility() || one.closest("svg, .sr")) return false;
  const { left, right } = one.getBoundingClientRect();
  const cut = one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 1 && !one.matches(".cut");
  return cut || left < -1 || right > innerWidth + 1;
}).map((one) => `${one.localName}#${one.id}.${one.className} ${one.textContent.trim().slice(0, 40)}`)"""


@dataclass(frozen=True)
class Abroad:
    """An extension in a browser that speaks `language`, and its texts."""

    extension: Extension
    language: str
    texts: dict[str, dict[str, str]]

    def word(self, key: str) -> str:
        return self.texts[key]["message"]


def hebrew() -> dict[str, dict[str, str]]:
    """The English texts in Hebrew letters: no sense, but the direction and the length of one that somebody may write."""
    texts = json.loads((EXTENSION / "_locales/en/messages.json").read_text())
    letters = str.maketrans({letter: chr(0x5D0 + at) for at, letter in enumerate("abcdefghijklmnopqrstuvwxyz")})
    for key, told in texts.items():
        words = re.split(r"(\$V\d\$|`[^`]*`)", told["message"])
        told["message"] = "".join(word if at % 2 else word.lower().translate(letters) for at, word in enumerate(words))
        if key in ("language", "direction"):
            told["message"] = {"language": "he", "direction": "rtl"}[key]
    return texts


@pytest.fixture(params=["de", "he"])
async def abroad(request: pytest.FixtureRequest, tmp_path: Path, service: Service) -> AsyncIterator[Abroad]:
    chromium = find_chromium(load_settings())
    if chromium is None:
        pytest.skip("no Chromium here; MEDLENS_CHROMIUM names one")
    folder = shutil.copytree(EXTENSION, tmp_path / "extension")
    texts = hebrew() if request.param == "he" else json.loads((EXTENSION / "_locales/de/messages.json").read_text())
    (folder / "_locales" / request.param).mkdir(exist_ok=True)
    (folder / "_locales" / request.param / "messages.json").write_text(json.dumps(texts))
    async with async_playwright() as playwright:
        context: BrowserContext = await playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=chromium,
            headless=True,
            args=[f"--disable-extensions-except={folder}", f"--load-extension={folder}", f"--lang={request.param}"],
            env=os.environ | {"LANGUAGE": request.param},
        )
        context.set_default_timeout(60_000)
        extension = await Extension.of(context)
        spoken = await extension.worker.evaluate("chrome.i18n.getUILanguage()")
        if not spoken.startswith(request.param):
            await context.close()
            pytest.skip(f"this Chromium does not speak {request.param}: apt-get install chromium-l10n")
        await extension.installed()
        await extension.reset(service.address, TOKEN)
        yield Abroad(extension, request.param, texts)
        await context.close()


async def fits(page: Page, widths: tuple[int, ...], picture: str) -> None:
    """`PICTURES_OF_MEDLENS` names a folder that gets a picture of each, to be looked at."""
    for width in widths:
        await page.set_viewport_size({"width": width, "height": 620})
        assert await page.evaluate(TOO_WIDE) == [], f"{picture} at {width} pixels"
        if folder := os.environ.get("PICTURES_OF_MEDLENS"):
            await page.screenshot(path=f"{folder}/{picture}-{width}.png", full_page=True)


async def test_everything_fits(abroad: Abroad, site: Site) -> None:
    language, extension = abroad.language, abroad.extension
    page = await opened(extension, site, f"/ward?{language}")
    popup = await extension.popup(page)
    await expect(popup.locator("#status")).to_have_text(abroad.word("status_done"))
    assert await popup.evaluate("document.documentElement.dir") == {"de": "ltr", "he": "rtl"}[language]
    await popup.locator("[data-filter=all]").click()
    await fits(popup, (400, 300), f"popup-{language}")
    await popup.locator("#more summary").click()
    await fits(popup, (400, 300), f"popup-menu-{language}")
    await popup.locator("#see").click()
    await fits(popup, (400, 300), f"popup-see-{language}")
    settings, title = await popup.locator("#settings").bounding_box(), await popup.locator("#title").bounding_box()
    assert (settings["x"] < title["x"]) == (language == "he"), "mirrored"
    await popup.locator("#see-no").click()
    await popup.locator("#mark").check()
    await page.bring_to_front()
    layer = await Layer.of(page)
    await until(layer.labels, bool)
    await layer.click((await layer.labels())[0])
    await until(layer.card, lambda words: abroad.word("card_wrong") in words)
    if folder := os.environ.get("PICTURES_OF_MEDLENS"):
        await page.screenshot(path=f"{folder}/marks-{language}.png")
    options = await extension.browser.new_page()
    await options.goto(extension.url("options/options.html"))
    await options.locator("#paste summary").click()
    await options.locator("#test").click()
    await expect(options.locator("#tested")).to_contain_text(abroad.word("check_ok").split("$")[0])
    await fits(options, (1280, 390), f"options-{language}")
    await extension.reset("http://127.0.0.1:9", TOKEN)
    popup = await extension.popup(page)
    await expect(popup.locator("#command")).to_be_visible()
    await fits(popup, (400, 300), f"popup-offline-{language}")

"""Ready for the stores: an example without a service, privacy page, source zip, texts and pictures of the listings."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image
from playwright.async_api import BrowserContext, expect

from server.extract.chromium import find_chromium
from server.settings import load_settings
from tests.extension.hands import EXTENSION, Extension, opened
from tests.extension.service import ROOT, TOKEN
from tests.site import Site

STORE = ROOT / "docs/store"
MAX_SUMMARY = 132  # Chrome's store; Mozilla's allows 250


async def test_the_example_needs_no_service_and_says_that_it_is_one(browser: BrowserContext, site: Site) -> None:
    extension = await Extension.of(browser)
    await extension.reset("http://127.0.0.1:9", TOKEN)  # nothing listens there
    popup = await extension.popup(await opened(extension, site, "/ward?example"))
    async with browser.expect_page() as coming:
        await popup.locator("#example").click()
    page = await coming.value
    await expect(page.locator("#status")).to_have_text("Done")
    await expect(page.locator("#demo")).to_contain_text("Example. These images are drawn by a program")
    await page.locator("[data-filter=all]").click()
    await expect(page.locator(".card:visible img[src^='blob:']")).to_have_count(8)
    for name in ("#mark", "#dashboard", "#more", "#again", "#trouble"):
        await expect(page.locator(name)).to_be_hidden()
    await page.goto(extension.url("options/options.html"))
    await page.get_by_text("Privacy policy").click()
    await expect(page.locator("main")).to_contain_text("medlens has no server of its own")
    for shown in (page, popup):
        await shown.close()


async def test_chrome_itself_finds_nothing_wrong(browser: BrowserContext) -> None:
    extension = await Extension.of(browser)
    page = await browser.new_page()
    await page.goto("chrome://extensions")
    found = await page.evaluate("async () => await chrome.developerPrivate.getExtensionsInfo()")
    [ours] = [one for one in found if extension.url("").startswith(f"chrome-extension://{one['id']}/")]
    await page.close()
    assert (ours["state"], ours["manifestErrors"], ours["runtimeErrors"]) == ("ENABLED", [], [])
    assert ours.get("runtimeWarnings", []) == []


def test_chrome_packs_it(tmp_path: Path) -> None:
    chromium = find_chromium(load_settings())
    if chromium is None:
        pytest.skip("no Chromium here; MEDLENS_CHROMIUM names one")
    shutil.copytree(EXTENSION, tmp_path / "medlens", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    options = ["--headless", "--no-sandbox", f"--user-data-dir={tmp_path / 'profile'}"]
    subprocess.run([chromium, *options, f"--pack-extension={tmp_path / 'medlens'}"], check=True, capture_output=True, timeout=120)
    assert (tmp_path / "medlens.crx").read_bytes().startswith(b"Cr24")


def test_the_source_zip_builds_the_same_zips(tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXTENSION / "pack.py", "--out", tmp_path, "--source"], check=True, capture_output=True)
    [source] = tmp_path.glob("*-source.zip")
    with ZipFile(source) as packed:
        assert "BUILD.md" in packed.namelist()
        packed.extractall(tmp_path / "source")
    subprocess.run([sys.executable, tmp_path / "source/extension/pack.py"], check=True, capture_output=True)
    subprocess.run([sys.executable, EXTENSION / "pack.py", "--out", tmp_path], check=True, capture_output=True)
    for browser in ("chrome", "firefox"):
        [ours], [theirs] = tmp_path.glob(f"*-{browser}.zip"), (tmp_path / "source/dist").glob(f"*-{browser}.zip")
        assert ours.read_bytes() == theirs.read_bytes()


def test_texts_and_pictures_of_the_listings() -> None:
    manifest = json.loads((EXTENSION / "manifest.json").read_text())
    review, listing = ((STORE / name).read_text() for name in ("review.md", "listing.md"))
    for name in (*manifest["permissions"], *manifest["host_permissions"], *manifest["optional_host_permissions"]):
        assert re.search(rf"^\| .*`{re.escape(name)}`", review, re.MULTILINE), name
    for locale in (EXTENSION / "_locales").iterdir():
        assert len(json.loads((locale / "messages.json").read_text())["description"]["message"]) <= MAX_SUMMARY
    assert re.findall(r"^## (\w+)", listing, re.MULTILINE) == ["English", "Deutsch"]
    pictures = sorted(STORE.glob("*.png"))
    assert len(pictures) >= 5  # as many as Chrome's store shows
    for picture in pictures:
        with Image.open(picture) as image:
            assert image.size == (1280, 800), picture.name

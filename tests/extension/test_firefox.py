"""The same walk in Firefox, with the manifest that `make pack` derives: gallery, badge, marks, card, heat map, correction, pairing.

The browser stops the background after three idle seconds here, so that every step finds it gone now and then.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.extension.firefox import FIREFOX, ID, Firefox
from tests.extension.gallery_site import slow_ward
from tests.extension.hands import EXTENSION, until
from tests.extension.service import TOKEN, Service
from tests.site import Site

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FIREFOX is None, reason="firefox-esr is not installed: apt-get install firefox-esr"),
]
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class Walk:
    """A Firefox whose extension is connected, with its options page open."""

    firefox: Firefox
    options: str

    async def tab(self, address: str) -> int:
        found: int = await self.firefox.run(
            self.options, f'browser.tabs.query({{}}).then((tabs) => tabs.find((tab) => tab.url === "{address}").id)'
        )
        return found

    async def popup(self, address: str) -> str:
        return await self.firefox.open(self.firefox.url(f"popup/popup.html?tab={await self.tab(address)}"))

    async def words(self, popup: str, selector: str) -> str:
        said: str = await self.firefox.run(popup, f"document.querySelector({json.dumps(selector)})?.textContent ?? ''")
        return said

    async def says(self, popup: str, selector: str, words: str) -> None:
        await until(lambda: self.words(popup, selector), lambda said: words in said)

    async def checked(self, address: str) -> tuple[str, str]:
        """The page and its popup, the scan done."""
        page = await self.firefox.open(address)
        popup = await self.popup(address)
        await self.says(popup, "#status", "Done")
        return page, popup

    async def press(self, tab: str, selector: str) -> Any:
        return await self.firefox.run(tab, f"document.querySelector({json.dumps(selector)}).click()")

    async def count(self, page: str, selector: str) -> int:
        found: int = await self.firefox.run(page, f"document.querySelectorAll({json.dumps(selector)}).length")
        return found


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("firefox") / "extension"
    subprocess.run([sys.executable, EXTENSION / "pack.py", "--folder", folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
async def walk(packed: Path, service: Service) -> AsyncIterator[Walk]:
    async with Firefox(packed) as firefox:
        options = await firefox.open(firefox.url("options/options.html"))
        await firefox.run(
            options,
            f"""import("/core/settings.js").then(async (kept) => {{
              await kept.change({{ address: "{service.address}" }});
              await kept.setToken("{TOKEN}");
            }})""",
        )
        yield Walk(firefox, options)


async def test_gallery_badge_and_marks(walk: Walk, site: Site) -> None:
    page, popup = await walk.checked(site.url("/ward?firefox"))
    assert "9 images in all" in await walk.words(popup, "#facts")
    medical = await walk.words(popup, "[data-filter=medical] span")
    tab = await walk.tab(site.url("/ward?firefox"))
    await until(lambda: walk.firefox.run(walk.options, f"browser.action.getBadgeText({{ tabId: {tab} }})"), medical)
    await until(lambda: walk.count(popup, '.card img[src^="blob:"]'), bool)
    await walk.press(popup, "#mark")
    await until(lambda: walk.count(page, "[data-medlens]"), int(medical))
    assert await walk.firefox.run(page, "typeof medlens") == "undefined", "the page sees no more than the attribute"
    await walk.press(popup, "#mark")
    await until(lambda: walk.count(page, "[data-medlens], [data-medlens-layer]"), 0)


async def test_a_mark_explains_shows_its_heat_map_and_takes_a_correction(walk: Walk, site: Site, service: Service) -> None:
    page, popup = await walk.checked(site.url("/ward?firefox-card"))
    await walk.press(popup, "#mark")
    firefox = walk.firefox
    await until(lambda: firefox.words(page, "button.label"), bool)
    await firefox.click(page, (await firefox.words(page, "button.label"))[0])
    await until(lambda: firefox.words(page, "[role=dialog] h3"), lambda heads: "Prediction of each model" in heads)
    await firefox.click(page, "Show the heat map")
    await until(lambda: firefox.layer(page, "(root) => root.querySelector('canvas')?.width ?? 0"), lambda told: told["value"] > 0)
    await firefox.click(page, "Ultrasound")
    await until(lambda: firefox.words(page, "[role=status]"), ["Saved. Your correction counts from now on."])
    assert "Ultrasound ✓" in await firefox.words(page, "button.label")
    async with ClientSession(service.address, headers=HEADERS) as session:
        async with session.get("/api/scans?q=firefox-card") as answer:
            (scan,) = (await answer.json())["scans"]
        async with session.get(f"/api/scans/{scan['id']}") as answer:
            images = (await answer.json())["images"]
        (corrected,) = [image for image in images if image["verdict"]["corrected"]]
        assert corrected["verdict"]["modality"] == "ultrasound"
        await session.delete(f"/api/images/{corrected['sha256']}/feedback")


async def test_marks_that_wait_outlive_the_background(walk: Walk, site: Site) -> None:
    gate = slow_ward(site)
    address = site.url("/slow?firefox")
    tree = await walk.firefox.say("browsingContext.create", type="tab")
    page = tree["context"]
    await walk.firefox.say("browsingContext.navigate", context=page, url=address, wait="interactive")
    popup = await walk.popup(address)
    await walk.says(popup, "#status", "Running")
    await walk.press(popup, "#mark")
    await until(lambda: walk.count(page, "[data-medlens-layer]"), 1)
    await walk.firefox.say("browsingContext.close", context=popup)
    await walk.firefox.chrome(f'WebExtensionPolicy.getByID("{ID}").extension.terminateBackground()')
    gate.set()
    await until(lambda: walk.count(page, "#last[data-medlens]"), 1)


async def test_a_pdf_in_the_browsers_own_viewer(walk: Walk, site: Site) -> None:
    site.add_handler("/firefox.pdf", site.handler("/ward.pdf"))
    _, popup = await walk.checked(site.url("/firefox.pdf"))
    assert "3 images in all" in await walk.words(popup, "#facts")
    assert await walk.count(popup, "#mark:disabled") == 1


async def test_the_token_lies_where_content_scripts_cannot_read(walk: Walk) -> None:
    kept = await walk.firefox.run(walk.options, 'Promise.all(["local", "session"].map((area) => browser.storage[area].get()))')
    assert TOKEN not in str(kept)
    assert await walk.firefox.run(walk.options, 'import("/core/settings.js").then((kept) => kept.token())') == TOKEN


async def test_pairing(walk: Walk, service: Service) -> None:
    firefox = walk.firefox
    person = await firefox.open(await service.fresh_link())
    await walk.press(person, "form[action='/login'] button")
    await until(lambda: walk.count(person, "form[action='/login']"), 0)
    options = await firefox.open(firefox.url("options/options.html"))
    await walk.press(options, "#unpair")
    await walk.says(options, "#connected", "Not connected")
    await walk.press(options, "#pair")

    async def dashboard() -> str | None:
        return next((tab for url, tab in (await firefox.tabs()).items() if url.startswith(f"{service.address}/pair")), None)

    await until(dashboard, bool)
    confirm = str(await dashboard())
    await until(lambda: walk.count(confirm, ".pair-code, a.button"), bool)
    if not await walk.count(confirm, ".pair-code"):  # the cookie was held back on the way from the extension
        await walk.press(confirm, "a.button")
    code = await walk.words(options, "#code")
    await until(lambda: walk.words(confirm, ".pair-code"), code)
    await walk.press(confirm, "form[action='/pair'] button")
    await walk.says(options, "#tested", "Connected to medlens")
    assert await firefox.run(options, 'import("/core/settings.js").then((kept) => kept.token())') not in ("", TOKEN)
    await firefox.run(options, f'import("/core/settings.js").then((kept) => kept.setToken("{TOKEN}"))')

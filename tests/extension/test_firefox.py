"""The same core walk in Firefox: gallery, badge and marks, with the manifest that `make pack` derives. No card, no correction."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.extension.firefox import FIREFOX, Firefox
from tests.extension.hands import EXTENSION, TOKEN, Service, until
from tests.site import Site

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FIREFOX is None, reason="firefox-esr is not installed: apt-get install firefox-esr"),
]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("firefox") / "extension"
    subprocess.run([sys.executable, EXTENSION / "pack.py", "--folder", folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
async def firefox(packed: Path) -> AsyncIterator[Firefox]:
    async with Firefox(packed) as opened:
        yield opened


async def test_the_core_walk(firefox: Firefox, service: Service, site: Site) -> None:
    options = await firefox.open(firefox.url("options/options.html"))
    await firefox.run(
        options,
        f"""import("/core/settings.js").then(async (kept) => {{
          await kept.change({{ address: "{service.address}" }});
          await kept.setToken("{TOKEN}");
        }})""",
    )
    address = site.url("/ward?firefox")
    page = await firefox.open(address)
    tab = await firefox.run(options, f'browser.tabs.query({{}}).then((tabs) => tabs.find((tab) => tab.url === "{address}").id)')
    popup = await firefox.open(firefox.url(f"popup/popup.html?tab={tab}"))
    await until(lambda: firefox.run(popup, 'document.querySelector("#status").textContent'), "Done")
    assert "9 images in all" in await firefox.run(popup, 'document.querySelector("#facts").textContent')
    medical = await firefox.run(popup, 'document.querySelector("[data-filter=medical] span").textContent')
    await until(lambda: firefox.run(options, f"browser.action.getBadgeText({{ tabId: {tab} }})"), medical)
    await until(lambda: firefox.run(popup, "document.querySelectorAll('.card img[src^=\"blob:\"]').length"), bool)
    await firefox.run(popup, 'document.querySelector("#mark").click()')
    await until(lambda: firefox.run(page, 'document.querySelectorAll("[data-medlens]").length'), int(medical))
    assert await firefox.run(page, "typeof medlens") == "undefined", "the page sees no more than the attribute"
    await firefox.run(popup, 'document.querySelector("#mark").click()')
    await until(lambda: firefox.run(page, 'document.querySelectorAll("[data-medlens], [data-medlens-layer]").length'), 0)


async def test_the_token_lies_where_content_scripts_cannot_read(firefox: Firefox) -> None:
    options = await firefox.open(firefox.url("options/options.html"))
    kept = await firefox.run(options, 'Promise.all(["local", "session"].map((area) => browser.storage[area].get()))')
    assert TOKEN not in str(kept)
    assert await firefox.run(options, 'import("/core/settings.js").then((kept) => kept.token())') == TOKEN

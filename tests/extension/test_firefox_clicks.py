"""Real clicks in a Firefox window: the button, the shortcut, its PDF viewer and its own questions, with `activeTab` and no more."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.extension.desk import HOST, SHORTCUT
from tests.extension.firefox import FIREFOX, Firefox
from tests.extension.gallery_site import members_only
from tests.extension.hands import EXTENSION, at_rest, until
from tests.extension.screen import MISSING, Screen
from tests.extension.service import TOKEN, Service
from tests.site import Site

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FIREFOX is None, reason="firefox-esr is not installed: apt-get install firefox-esr"),
    pytest.mark.skipif(bool(MISSING), reason=f"no {', '.join(MISSING)}: apt-get install xvfb openbox xdotool"),
]
WIDGET = "extension_medlens-browser-action"
QUESTION = "document.querySelector('#addon-webext-permissions-notification')"
IN_TABS = "browser.tabs.query({}).then((tabs) => tabs.map((tab) => tab.url ?? ''))"
# What a function gives for a part of the real popup, seen from another page of the extension's.
IN_POPUP = """(([popup]) => {
  const element = popup?.document.querySelector(SELECTOR);
  return element ? (FUNCTION)(element, popup) : null;
})(browser.extension.getViews({ type: "popup" }))"""
MIDDLE = """({ x, y, width, height }, left, top) => [left + x + width / 2, top + y + height / 2]"""


class Window:
    """A Firefox on a screen: `glass` is a page of the extension's through which the popup is seen."""

    def __init__(self, screen: Screen, firefox: Firefox, glass: str) -> None:
        self.screen, self.firefox, self.glass = screen, firefox, glass

    async def part(self, selector: str, function: str) -> Any:
        return await self.firefox.run(self.glass, IN_POPUP.replace("SELECTOR", json.dumps(selector)).replace("FUNCTION", function))

    async def says(self, selector: str, words: str) -> None:
        wanted = "(one) => (one.checkVisibility() ? one.textContent : '')"
        await until(lambda: self.part(selector, wanted), lambda said: said is not None and words in said)

    async def press(self, selector: str) -> None:
        """A click where it stands once it stands still: a click beside a popup shuts it."""
        where = f"(one, popup) => ({MIDDLE})(one.getBoundingClientRect(), popup.mozInnerScreenX, popup.mozInnerScreenY)"
        await self.screen.click(*await at_rest(lambda: self.part(selector, where)))

    async def press_chrome(self, element: str) -> None:
        """A click on a part of the browser's own, once it is there."""
        there = f"Boolean({element} && {element}.getBoundingClientRect().width)"
        await until(lambda: self.firefox.chrome(there), True)
        await asyncio.sleep(1)  # a question takes no answer that comes faster than a person reads
        where = f"((one) => [one.screenX + one.getBoundingClientRect().width / 2, one.screenY + 10])({element})"
        await self.screen.click(*await self.firefox.chrome(where))

    async def toolbar(self) -> None:
        await self.press_chrome(f"document.getElementById('{WIDGET}')")

    async def see(self) -> None:
        await self.press("#more summary")
        await until(lambda: self.part("#see", "(one) => one.checkVisibility()"), True)
        await self.press("#see")
        await self.says("#seen", "Send them")
        await self.press("#see-yes")


@pytest.fixture
async def window(tmp_path: Path, service: Service) -> AsyncIterator[Window]:
    subprocess.run(  # noqa: ASYNC221 - before anything else runs
        [sys.executable, EXTENSION / "pack.py", "--folder", tmp_path / "extension"], check=True, capture_output=True
    )
    async with Screen() as screen, Firefox(tmp_path / "extension", screen) as firefox:
        glass = await firefox.open(firefox.url("options/options.html"))
        await firefox.run(
            glass,
            f"""import("/core/settings.js").then(async (kept) => {{
              await kept.change({{ address: "{service.address}" }});
              await kept.setToken("{TOKEN}");
            }})""",
        )
        await firefox.chrome(f"CustomizableUI.addWidgetToArea('{WIDGET}', 'nav-bar') ?? null")
        yield Window(screen, firefox, glass)


async def test_button_shortcut_marks_and_what_may_be_sent(window: Window, site: Site) -> None:
    firefox, address = window.firefox, site.url("/ward?firefox-button", HOST)
    page = await firefox.open(address)
    assert address not in await firefox.run(window.glass, IN_TABS), "nothing is known of it before the click"
    await window.toolbar()
    await window.says("#status", "Done")
    assert address in await firefox.run(window.glass, IN_TABS)
    assert await window.part("body", "(one, popup) => [popup.innerWidth, one.scrollWidth]") == [400, 400]
    await window.screen.key("Escape")
    await until(lambda: window.part("body", "() => 1"), None)
    await window.screen.key(SHORTCUT)
    await window.says("#facts", "9 images in all")
    medical = int(await window.part("[data-filter=medical] span", "(one) => one.textContent"))
    await window.press("#mark")
    await until(lambda: firefox.run(page, "document.querySelectorAll('[data-medlens]').length"), medical)
    await window.see()
    await window.press_chrome(f"{QUESTION}?.secondaryButton")
    await window.says("#see-text", "did not get your permission")
    await window.press("#see-yes")
    await window.press_chrome(f"{QUESTION}?.button")
    await window.says("#title", "9 files")
    await window.says("#status", "Done")


async def test_a_pdf_that_only_this_browser_may_open(window: Window, site: Site) -> None:
    members_only(site)
    page = await window.firefox.open(site.url("/members/login", HOST))
    await window.firefox.say("browsingContext.navigate", context=page, url=site.url("/members/ward.pdf", HOST), wait="complete")
    await window.screen.click(600, 500, 3)
    await window.press_chrome(
        "[...document.querySelectorAll('#contentAreaContextMenu menuitem')].find((one) => one.label === 'Scan this page')"
    )
    await window.says("#status", "Failed")
    await window.see()
    await window.press_chrome(f"{QUESTION}?.button")  # may page contents be sent?
    await window.says("#see-text", HOST)
    await window.press("#see-yes")
    await window.press_chrome(f"{QUESTION}?.button")  # may it be read from this host?
    await window.says("#facts", "3 images in all")
    await window.says("#status", "Done")

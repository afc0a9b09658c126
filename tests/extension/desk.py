"""A person at a desk: a headed Chromium on a screen, the extension's button in its toolbar, and the popup that a click opens.

The pages it opens are called localhost, a name that the extension may not touch by itself: what works here works by `activeTab`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any, Self

from playwright.async_api import BrowserContext, Page, Playwright

from tests.extension.hands import EXTENSION, Extension, at_rest, until
from tests.extension.screen import SIZE, Box, Colour, Screen

HOST = "localhost"
BUTTON = (0x0B, 0x6E, 0x75)  # the icon's ground
TOOLBAR: Box = (SIZE[0] * 2 // 3, 30, SIZE[0], 100)
DENY = (0x0B, 0x57, 0xD0)  # the filled button of the browser's question
VIEWER = (0x3C, 0x3C, 0x3C)  # its bar
PAGE: Box = (0, 90, SIZE[0], SIZE[1] - 40)
SHORTCUT = "alt+shift+m"
# Reads the real popup from another of the extension's pages: the debugger does not list it.
LOOK = """([selector, what]) => {
  const [popup] = chrome.extension.getViews({ type: "popup" });
  const element = popup?.document.querySelector(selector);
  if (!element) return null;
  if (what === "words") return element.checkVisibility() ? element.textContent.trim() : "";
  if (what === "width") return popup.innerWidth - (element.scrollWidth - popup.innerWidth);
  element.scrollIntoView({ block: "nearest" });
  const { x, y, width, height } = element.getBoundingClientRect();
  return [popup.screenX + x + width / 2, popup.screenY + y + height / 2];
}"""


def id_of(folder: Path) -> str:
    """What Chromium calls an extension that lies unpacked in this folder."""
    digits = hashlib.sha256(str(folder).encode()).hexdigest()[:32]
    return digits.translate(str.maketrans("0123456789abcdef", "abcdefghijklmnop"))


async def headed(
    playwright: Playwright, screen: Screen, chromium: str, profile: Path, extension: Path = EXTENSION
) -> BrowserContext:
    """A window that fills the screen, the extension's button pinned to its toolbar."""
    (profile / "Default").mkdir(parents=True)
    pinned = {"extensions": {"pinned_extensions": [id_of(extension)]}}
    (profile / "Default/Preferences").write_text(json.dumps(pinned))
    return await playwright.chromium.launch_persistent_context(
        profile,
        executable_path=chromium,
        headless=False,
        env=screen.environment,
        args=[
            f"--disable-extensions-except={extension}",
            f"--load-extension={extension}",
            "--lang=en-US",
            "--window-position=0,0",
            f"--window-size={SIZE[0]},{SIZE[1] - 20}",
        ],
        no_viewport=True,
    )


class Desk:
    def __init__(self, screen: Screen, extension: Extension, glass: Page) -> None:
        self.screen, self.extension, self.glass = screen, extension, glass

    @classmethod
    async def of(cls, screen: Screen, extension: Extension, front: Page | None = None) -> Self:
        """`front`: the page that stays in front."""
        glass = await extension.browser.new_page()
        await glass.goto(extension.url("options/options.html"))
        if front:
            await front.bring_to_front()
        return cls(screen, extension, glass)

    async def open(self, address: str) -> Page:
        page = await self.extension.browser.new_page()
        await page.goto(address)
        await page.bring_to_front()
        return page

    async def _shown(self, colour: Colour, box: Box) -> tuple[float, float]:
        """Where something of this colour is, as soon as it is."""
        found: list[Any] = []

        async def there() -> bool:
            found.append(self.screen.where(colour, box))
            return found[-1] is not None

        await until(there, True)
        spot: tuple[float, float] = found[-1]
        return spot

    async def toolbar(self) -> None:
        """A click on the extension's button."""
        await self.screen.click(*await self._shown(BUTTON, TOOLBAR))

    async def viewer(self) -> None:
        """Until the browser's PDF viewer has drawn itself."""
        await self._shown(VIEWER, PAGE)

    async def answer(self, yes: bool) -> None:
        """To the browser's own question about permissions, once it stands there: Deny has the focus, Allow is next."""
        await self._shown(DENY, PAGE)
        await asyncio.sleep(1)  # it takes no answer that comes faster than a person reads
        await self.screen.key(*(("Tab", "Return") if yes else ("Escape",)))

    async def shortcut(self) -> None:
        await self.screen.key(SHORTCUT)

    async def menu(self, x: float, y: float, *keys: str) -> None:
        """A right click there on the screen, then these keys in the menu, each once what the last one did is drawn."""
        await self.screen.move(x, y)
        await self.screen.rest(PAGE)  # what the pointer alone brings about
        before = self.screen.look(PAGE)

        async def drawn() -> bool:
            return self.screen.look(PAGE) != before

        await self.screen.click(x, y, 3)
        await until(drawn, True)
        for key in keys:
            await self.screen.rest(PAGE)
            await self.screen.key(key)

    async def at(self, page: Page, selector: str) -> tuple[float, float]:
        """Where the middle of an element is on the screen."""
        x, y = await page.evaluate(
            """(selector) => {
              const { x, y, width, height } = document.querySelector(selector).getBoundingClientRect();
              return [screenX + x + width / 2, screenY + outerHeight - innerHeight + y + height / 2];
            }""",
            selector,
        )
        return x, y

    async def words(self, selector: str) -> str | None:
        """The visible words of a part of the popup; None when there is no popup."""
        said: str | None = await self.glass.evaluate(LOOK, [selector, "words"])
        return said

    async def says(self, selector: str, words: str) -> None:
        await until(lambda: self.words(selector), lambda said: said is not None and words in said)

    async def width(self) -> float:
        """Of the popup, in pixels, less what does not fit into it."""
        found: float = await self.glass.evaluate(LOOK, ["html", "width"])
        return found

    async def press(self, selector: str) -> None:
        """A click on a part of the popup, where it stands on the screen once it stands still: a click beside a popup shuts it."""
        await self.screen.click(*await at_rest(lambda: self.glass.evaluate(LOOK, [selector, "place"])))

    async def see(self) -> None:
        """The item "Scan as I see it", up to its question."""
        await self.press("#more summary")
        await until(lambda: self.words("#see"), bool)
        await self.press("#see")
        await self.says("#seen", "Send them")

    async def closed(self) -> None:
        await until(lambda: self.words("#status"), None)

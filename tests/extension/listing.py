"""Pictures of 1280 x 800 for the listings of the stores: `.venv/bin/python -m tests.extension.listing`.

They need no service: the example, settings and privacy page as a new user finds them, light and dark, in docs/store/.
"""

from __future__ import annotations

import asyncio
import tempfile

from playwright.async_api import async_playwright, expect

from server.extract.chromium import find_chromium
from server.settings import load_settings
from tests.extension.hands import EXTENSION, Extension
from tests.extension.screenshots import SCHEMES
from tests.extension.service import ROOT

OUT = ROOT / "docs/store"
SIZE = (1280, 800)
PAGES = {"example": "popup/popup.html?demo", "settings": "options/options.html", "privacy": "privacy/privacy.html"}


async def main() -> None:
    OUT.mkdir(exist_ok=True)
    for scheme in SCHEMES:
        with tempfile.TemporaryDirectory() as profile:
            async with async_playwright() as playwright:
                context = await playwright.chromium.launch_persistent_context(
                    profile,
                    executable_path=find_chromium(load_settings()),
                    args=[f"--disable-extensions-except={EXTENSION}", f"--load-extension={EXTENSION}", "--lang=en-US"],
                    viewport={"width": SIZE[0], "height": SIZE[1]},
                    color_scheme=scheme,
                )
                extension = await Extension.of(context)
                page = await context.new_page()
                for name, address in PAGES.items():
                    await page.goto(extension.url(address))
                    if name == "example":
                        await expect(page.locator("#status")).to_have_text("Done")
                    await page.screenshot(path=OUT / f"{name}-{scheme}.png")
                await context.close()


if __name__ == "__main__":
    asyncio.run(main())

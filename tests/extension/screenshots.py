"""Pictures of popup, marks and options for docs/, light and dark, with drawn and freely licensed images only.

`.venv/bin/python -m tests.extension.screenshots` runs a service and a browser of its own and writes them to docs/screenshots/
"""

from __future__ import annotations

import asyncio
import io
import shutil
import tempfile
from pathlib import Path
from typing import Literal

from playwright.async_api import BrowserContext, async_playwright, expect

from server.extract.chromium import find_chromium
from server.settings import Settings, load_settings
from tests.extension.gallery_site import chart, dicom, section, ward
from tests.extension.hands import EXTENSION, ROOT, TOKEN, Extension, Service, checked, opened, until
from tests.extension.layer import Layer
from tests.site import Site

OUT = ROOT / "docs/screenshots"
NARROW = 300
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


async def take(scheme: Scheme, service: Service, site: Site) -> None:
    profile = tempfile.mkdtemp()
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile,
            executable_path=find_chromium(load_settings()),
            args=[f"--disable-extensions-except={EXTENSION}", f"--load-extension={EXTENSION}"],
            viewport={"width": 1040, "height": 760},
            color_scheme=scheme,
        )
        try:
            await _all(context, scheme, service, site)
        finally:
            await context.close()
            shutil.rmtree(profile, ignore_errors=True)


async def _all(context: BrowserContext, scheme: str, service: Service, site: Site) -> None:
    extension = await Extension.of(context)
    await extension.reset(service.address, TOKEN)
    page = await opened(extension, site, "/ward")
    popup = await checked(extension, page)
    await popup.locator("[data-filter=all]").click()
    await expect(popup.locator(".card:visible img[src]")).to_have_count(await popup.locator(".card:visible").count())
    await popup.screenshot(path=OUT / f"extension-popup-{scheme}.png")
    await popup.locator("#more summary").click()
    await popup.locator("#see").click()
    await popup.screenshot(path=OUT / f"extension-see-{scheme}.png")
    await popup.locator("#see-no").click()
    await popup.set_viewport_size({"width": NARROW, "height": 600})
    await popup.screenshot(path=OUT / f"extension-narrow-{scheme}.png")
    await popup.locator("#mark").check()
    await page.bring_to_front()
    layer = await Layer.of(page)
    await until(layer.labels, bool)
    await layer.click((await layer.labels())[0])
    await until(layer.card, lambda words: "This is wrong" in words)
    await page.screenshot(path=OUT / f"extension-marks-{scheme}.png")
    options = await context.new_page()
    await options.goto(extension.url("options/options.html"))
    await options.locator("#test").click()
    await expect(options.locator("#tested")).to_contain_text("Connected")
    await options.screenshot(path=OUT / f"extension-options-{scheme}.png", full_page=True)


async def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="medlens-"))
    service = Service(folder, members=",".join(Settings().members))
    try:
        await service.start()
        async with Site() as site:
            out = io.BytesIO()
            dicom("MR_small.dcm").resize((320, 320)).save(out, "PNG")
            ward(site, [*(section(seed) for seed in (0, 3, 5, 8, 11)), out.getvalue(), *(chart(seed) for seed in range(3))])
            for scheme in SCHEMES:
                await take(scheme, service, site)
    finally:
        await service.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())

"""Pictures of popup, marks and options for docs/, light and dark: a teaching page of slices that come with pydicom, and a chart.

`.venv/bin/python -m tests.extension.screenshots` runs a service with every member and a browser of its own and writes them to
docs/screenshots/
"""

from __future__ import annotations

import asyncio
import io
import shutil
import tempfile
from pathlib import Path
from typing import Literal

import pydicom
from PIL import Image
from playwright.async_api import BrowserContext, async_playwright, expect
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_color_lut

from server.extract.chromium import find_chromium
from server.settings import Settings, load_settings
from tests.extension.gallery_site import chart
from tests.extension.hands import EXTENSION, Extension, checked, opened, until
from tests.extension.layer import Layer
from tests.extension.service import ROOT, TOKEN, Service
from tests.site import Site, page

OUT = ROOT / "docs/screenshots"
NARROW = 300
SLICES = ("CT_small.dcm", "examples_overlay.dcm", "MR_small.dcm", "examples_palette.dcm")
ALTS = ("CT, spine", "MR, abdomen", "MR, spine", "Ultrasound", "Examinations a year")
STYLE = """<style>
:root { color-scheme: light dark; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 940px; margin: 36px auto; padding: 0 24px; }
h1 { font-size: 30px; margin: 0; } p { margin: 8px 0 22px; max-width: 64ch; opacity: .75; }
main { display: grid; grid-template-columns: repeat(3, 1fr); gap: 22px; } figure { margin: 0; }
img { width: 100%; height: 210px; object-fit: cover; display: block; border-radius: 6px; }
figcaption { font-size: 14px; opacity: .75; }
</style>"""
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def slice_of(name: str) -> bytes:
    """A slice as a viewer would show it, at least 320 pixels wide."""
    dataset = pydicom.dcmread(get_testdata_file(name, download=False))
    pixels = dataset.pixel_array
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, dataset)
    pixels = pixels.astype("float32")
    image = Image.fromarray(((pixels - pixels.min()) / (pixels.max() - pixels.min()) * 255).astype("uint8"))
    return png(image.resize((image.width * 3, image.height * 3)) if image.width < 200 else image)


def teaching(site: Site) -> None:
    figures = []
    for number, data in enumerate([*(slice_of(name) for name in SLICES), chart(1)]):
        site.add(f"/teaching/{number}.png", data, "image/png")
        alt = ALTS[number]
        figures.append(f'<figure><img src="/teaching/{number}.png" alt="{alt}"><figcaption>{alt}</figcaption></figure>')
    words = (
        "<h1>Seeing inside: three ways</h1><p>The same body looks different to every method. Five pictures from our collection.</p>"
    )
    site.add("/teaching", page(STYLE, words, "<main>", *figures, "</main>", title="Seeing inside: three ways"))


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
    shown = await opened(extension, site, "/teaching")
    popup = await checked(extension, shown)
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
    await shown.bring_to_front()
    layer = await Layer.of(shown)
    await until(layer.labels, bool)
    await layer.click((await layer.labels())[0])
    await until(layer.card, lambda words: "Correct it to" in words)
    await shown.screenshot(path=OUT / f"extension-marks-{scheme}.png")
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
            teaching(site)
            for scheme in SCHEMES:
                await take(scheme, service, site)
    finally:
        await service.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())

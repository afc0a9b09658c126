"""Makes the README's picture of a scan in a terminal, from a page of drawn images and the slices that the pydicom wheel ships.

.venv/bin/python docs/make_pictures.py
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from ipaddress import ip_network
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import pydicom  # noqa: E402 - run as a script
from PIL import Image, ImageDraw  # noqa: E402
from playwright.async_api import async_playwright  # noqa: E402
from pydicom.data import get_testdata_file  # noqa: E402
from pydicom.pixels import apply_windowing  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.terminal_theme import TerminalTheme  # noqa: E402

from server.cli.show import show  # noqa: E402
from server.extract.chromium import find_chromium  # noqa: E402
from server.perform import Performer  # noqa: E402
from server.report import report_json  # noqa: E402
from server.settings import Settings  # noqa: E402
from server.store import scans  # noqa: E402
from server.store.database import Database  # noqa: E402
from server.workshop import open_workshop  # noqa: E402
from tests.site import Site, page, picture  # noqa: E402

OUT = ROOT / "docs" / "screenshots" / "scan.png"
COLUMNS = 100
RED, GREEN, YELLOW, BLUE = (240, 113, 120), (140, 200, 120), (235, 190, 100), (110, 160, 245)
MAGENTA, CYAN, WHITE = (190, 140, 240), (85, 200, 210), (214, 222, 230)
COLOURS = [(40, 50, 60), RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE]
NIGHT = TerminalTheme((17, 24, 32), WHITE, COLOURS, [(125, 138, 152), *COLOURS[1:]])
PAGE = """<style>
body {{ margin: 0; padding: 28px; background: #0b1016 }}
div {{ display: inline-block; padding: 22px 30px 8px 26px; border-radius: 12px; background: #111820 }}
pre {{ margin: 0; font: 14px/1.5 "DejaVu Sans Mono", monospace; color: #d6dee6 }}
p {{ margin: 0 0 14px; font: 14px "DejaVu Sans Mono", monospace; color: #7d8a98 }}
</style><div><p>$ medlens scan https://example.org/teaching/head-ct</p><pre>{code}</pre></div>"""


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def slice_of(name: str) -> bytes:
    dataset = pydicom.dcmread(get_testdata_file(name, download=False))
    pixels = apply_windowing(dataset.pixel_array, dataset).astype(float)
    return png(Image.fromarray(((pixels - pixels.min()) / (pixels.max() - pixels.min()) * 255).astype("uint8")).resize((512, 512)))


def chart() -> bytes:
    image = Image.new("RGB", (640, 420), "white")
    pen = ImageDraw.Draw(image)
    pen.line((60, 20, 60, 370, 620, 370), fill="black", width=2)
    for bar in range(8):
        pen.rectangle((90 + bar * 64, 360 - bar * 37 % 290, 130 + bar * 64, 369), fill=(60, 110 + bar * 12, 190))
        pen.text((100 + bar * 64, 378), f"20{15 + bar}", fill="black")
    pen.text((240, 12), "Examinations a year", fill="black")
    return png(image)


async def take() -> None:
    with tempfile.TemporaryDirectory(prefix="ml-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # noqa: ASYNC240 - before anything runs
        settings = Settings(data_dir=Path(folder) / "d", allow_networks=(ip_network("127.0.0.1/32"),))
        async with Site() as site, Database(settings) as database, open_workshop(settings) as workshop:
            await database.migrate()
            drawn = {
                "abdomen-axial.png": slice_of("CT_small.dcm"),
                "spine-sagittal.png": slice_of("MR_small.dcm"),
                "examinations.png": chart(),
                "lobby.jpg": picture("JPEG", (800, 500), 12),
                "logo.png": picture("PNG", (40, 40)),
            }
            for name, data in drawn.items():
                site.add(f"/{name}", data, "image/png")
            url = site.add("/teaching", page(*(f'<p><img src="/{name}">' for name in drawn), title="Teaching file: head and spine"))
            scan_id = await scans.create(database, kind="page", target="https://example.org/teaching/head-ct", url=url)
            await Performer(database, workshop).perform(scan_id)
            report = report_json(await scans.report(database, scan_id))
        console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
        show(report, console)
        html = PAGE.format(code=console.export_html(theme=NIGHT, inline_styles=True, code_format="{code}"))
        async with async_playwright() as playwright:
            chromium = await playwright.chromium.launch(executable_path=find_chromium(settings))
            tab = await chromium.new_page(viewport={"width": 980, "height": 300}, device_scale_factor=1.5)
            await tab.set_content(html)
            OUT.parent.mkdir(exist_ok=True)
            await tab.locator("body").screenshot(path=OUT)
            await chromium.close()


if __name__ == "__main__":
    asyncio.run(take())

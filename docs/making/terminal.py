"""The README's picture of a scan in a terminal. Knows a Report and a browser, and not how the Report came about."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image
from playwright.async_api import Browser
from rich.console import Console
from rich.terminal_theme import TerminalTheme

from docs.making.screens import OUT
from server.cli.report_table import show

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
</style><div><p>$ medlens scan {target}</p><pre>{code}</pre></div>"""


async def take_terminal(browser: Browser, report: dict[str, Any]) -> None:
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    show(report, console)
    html = PAGE.format(
        target=report["source"]["target"], code=console.export_html(theme=NIGHT, inline_styles=True, code_format="{code}")
    )
    tab = await browser.new_page(viewport={"width": 980, "height": 300}, device_scale_factor=1.5)
    await tab.set_content(html)
    data = await tab.locator("body").screenshot()
    Image.open(io.BytesIO(data)).convert("RGB").save(OUT / "scan.webp", quality=88, method=6)
    await tab.close()

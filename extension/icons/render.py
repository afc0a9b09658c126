"""Renders icon.svg as PNG in the sizes that browsers need, with the Chromium that the project uses anyway.

Run `.venv/bin/python extension/icons/render.py` after changing the SVG. The PNGs are committed, because the extension is not built.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import sync_playwright

from server.extract.chromium import find_chromium
from server.settings import load_settings

HERE = Path(__file__).parent
SIZES = (16, 32, 48, 128)


def main() -> None:
    svg = (HERE / "icon.svg").read_text()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(load_settings()))
        for size in SIZES:
            page = browser.new_page(viewport={"width": size, "height": size})
            page.set_content(
                f"<style>body{{margin:0}}svg{{display:block}}</style>{svg.replace('<svg', f'<svg width={size} height={size}')}"
            )
            page.screenshot(path=HERE / f"{size}.png", omit_background=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()

"""Makes the pictures of docs/screenshots: the dashboard in light and dark, and a scan in a terminal.

    .venv/bin/python docs/make_pictures.py [--keep FOLDER]

Runs the real service on a data folder of its own, with a local site whose pictures are drawn or come with the pydicom wheel;
takes a few minutes. The extension's pictures are made by `python -m tests.extension.screenshots`. --keep FOLDER leaves the
data there, and takes what is there the next time, so that only the pictures are made again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from playwright.async_api import async_playwright  # noqa: E402 - run as a script

from docs.making.history import live  # noqa: E402
from docs.making.screens import OUT, take_all  # noqa: E402
from docs.making.terminal import take_terminal  # noqa: E402
from server.extract.chromium import find_chromium  # noqa: E402
from server.settings import Settings  # noqa: E402
from tests.service.conftest import Service  # noqa: E402
from tests.site import Site  # noqa: E402


async def take(folder: Path) -> None:
    OUT.mkdir(exist_ok=True)
    known = folder / "shown.json"
    service = Service(folder / "medlens")
    await service.start()
    try:
        async with Site() as site:
            if not known.is_file():
                known.write_text(json.dumps(await live(service, site)))
            ids = json.loads(known.read_text())
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find_chromium(Settings()))
            await take_all(browser, service, ids)
            await take_terminal(browser, await service.ask(f"/api/scans/{ids['main']}"))
            await browser.close()
    finally:
        await service.end()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="a short path; kept for the next time")
    kept = parser.parse_args().keep
    folder = kept or Path(tempfile.mkdtemp(prefix="ml-", dir="/tmp"))
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)  # the database runs as a user of its own
    try:
        asyncio.run(take(folder))
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

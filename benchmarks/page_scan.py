"""Whole scans of pages with 5, 50 and 300 images against what Playwright alone needs to render and scroll them, in turns.

    .venv/bin/python benchmarks/page_scan.py --rounds 5 --images 5 50 300

The images have .1 to 8 megapixels and five formats, most of them small, and every second one is lazy.

Alone: a warm Chromium without any proxy loads the page, scrolls it by screens to its end, and waits until every image is complete.
Scan: everything medlens does, from the row in the database to the finished Report, with the browser and the model warm: through the
filtering proxy, with bytes, places, decoding, judging (`no_cache`) or remembering (`cached`), thumbnails and events. The figures to
hold on to are the ratios of medians. `first_verdict` is when the first verdict was written, as a share of the same scan.
Appends to results/page_scan.jsonl.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from io import BytesIO
from ipaddress import ip_network
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from PIL import Image  # noqa: E402
from playwright.async_api import Browser, async_playwright  # noqa: E402 - run as a script
from record import record  # noqa: E402

from server.extract.browser import VIEWPORT  # noqa: E402
from server.extract.chromium import find_chromium  # noqa: E402
from server.scan.resources import ScanResources, open_resources  # noqa: E402
from server.scan.runner import ScanRunner  # noqa: E402
from server.settings import Settings  # noqa: E402
from server.store import scans  # noqa: E402
from server.store.database import Database  # noqa: E402
from tests.drawn import encoded  # noqa: E402
from tests.site import Site, page, picture  # noqa: E402

# Sizes of the images in turn: most are small, one in thirty has 8 megapixels.
SIZES = [(400, 300)] * 12 + [(640, 480)] * 10 + [(1000, 800)] * 5 + [(2000, 1500)] * 2 + [(3300, 2480)]
FORMATS = ("JPEG", "PNG", "WEBP", "JPEG", "AVIF", "GIF", "JPEG")
DRAWN_SIZE = (400, 300)  # images are drawn at this size and enlarged: drawing 8 megapixels takes a second
TEXT = "<p>" + "Findings, impressions and what to look for. " * 40 + "</p>"
COMPLETE = "() => [...document.images].every((image) => image.complete)"
SCROLL = """() => {
  scrollBy(0, innerHeight * 0.9);
  return scrollY + innerHeight + 2 >= document.documentElement.scrollHeight;
}"""


async def alone(chromium: Browser, url: str) -> float:
    """Seconds that Playwright needs to load, scroll and have every image."""
    began = time.perf_counter()
    context = await chromium.new_context(viewport=VIEWPORT)
    tab = await context.new_page()
    await tab.goto(url, wait_until="load")
    while not await tab.evaluate(SCROLL):
        await tab.wait_for_timeout(50)
    await tab.wait_for_function(COMPLETE)
    await context.close()
    return time.perf_counter() - began


async def scanned(database: Database, resources: ScanResources, url: str, images: int, no_cache: bool) -> tuple[float, float]:
    """Seconds of a whole scan, and until its first verdict was written."""
    first: list[float] = []
    began = time.perf_counter()
    scan_id = await scans.create(database, kind="page", target=url, url=url, options={"no_cache": no_cache})
    await ScanRunner(database, resources).run_scan(scan_id, None, lambda _: first.append(time.perf_counter() - began))
    report = await scans.report(database, scan_id)
    assert len(report.images) == images, report
    return time.perf_counter() - began, first[0]


def serve(site: Site, images: int) -> str:
    """Add a page with as many different images; returns its address."""
    parts = []
    for number in range(images):
        name = FORMATS[number % len(FORMATS)]
        drawn = Image.open(BytesIO(picture("PNG", DRAWN_SIZE, number)))
        path = f"/{images}/{number}.{name.lower()}"
        site.add(path, encoded(drawn.resize(SIZES[number % len(SIZES)]), name), f"image/{name.lower()}")
        lazy = "lazy" if number % 2 else "eager"
        parts.append(f"<h2>Case {number}</h2>{TEXT}<img loading={lazy} width=600 height=450 src={path}>")
    return site.add(f"/{images}.html", page(*parts, title=f"{images} cases"))


async def measure(rounds: int, images: int, folder: str) -> dict[str, object]:
    times: dict[str, list[float]] = {"alone": [], "no_cache": [], "cached": [], "first_verdict": []}
    settings = Settings(data_dir=Path(folder) / "d", allow_networks=(ip_network("127.0.0.1/32"),))
    async with (
        Site() as site,
        Database(settings) as database,
        open_resources(settings) as resources,
        async_playwright() as playwright,
    ):
        await database.migrate()
        url = serve(site, images)
        chromium = await playwright.chromium.launch(executable_path=find_chromium(settings))
        for warm_up in (True, *(False,) * rounds):
            a = await alone(chromium, url)
            fresh, first = await scanned(database, resources, url, images, no_cache=True)
            known, _ = await scanned(database, resources, url, images, no_cache=False)
            if not warm_up:
                for name, value in zip(times, (a, fresh, known, first / fresh), strict=True):
                    times[name].append(value)
        await chromium.close()
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {
        "ratio_no_cache": round(medians["no_cache"] / medians["alone"], 3),
        "ratio_cached": round(medians["cached"] / medians["alone"], 3),
        "first_verdict_share": round(medians["first_verdict"], 3),
        "seconds": {name: [round(value, 3) for value in values] for name, values in times.items() if name != "first_verdict"},
        "members": list(settings.members),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, nargs="+", default=[5, 50, 300])
    arguments = parser.parse_args()
    for images in arguments.images:
        about = {"rounds": arguments.rounds, "images": images, "load_before": round(os.getloadavg()[0], 1)}
        with tempfile.TemporaryDirectory(prefix="ml-", dir="/tmp") as place:
            Path(place).chmod(0o755)  # as root the database runs as another user, who has to get in
            record("page_scan", about, asyncio.run(measure(arguments.rounds, images, place)))

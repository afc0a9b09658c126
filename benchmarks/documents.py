"""Whole scans of a folder of small images and of a long PDF against the work that cannot be left out, in turns.

    .venv/bin/python benchmarks/documents.py --files 1000 --pages 300 --rounds 3

Folder: the scan, from the row in the database to the finished Report, against decoding and judging the same files and nothing else.
PDF of two images a page: the scan against reading its images and nothing else, and against reading, decoding and judging them.
Everything is warm, no verdict is remembered (`no_cache`), and in `cached` all of them are. `first_verdict` is in seconds, and
`memory_growth_MB` what this process and its children hold more at the end of a scan than before it. The figures to hold on to are
the ratios of medians. Appends to results/documents.jsonl.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import psutil  # noqa: E402 - run as a script
import pymupdf  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402
from record import record  # noqa: E402

from server.contract.records import Candidate  # noqa: E402
from server.extract.readers import extract_pdf  # noqa: E402
from server.scan.pipeline import IMAGES_AT_ONCE  # noqa: E402
from server.scan.resources import ScanResources, open_resources  # noqa: E402
from server.scan.runner import ScanRunner  # noqa: E402
from server.settings import Settings  # noqa: E402
from server.source.open import open_path  # noqa: E402
from server.store import scans  # noqa: E402
from server.store.database import Database  # noqa: E402
from tests.site import picture  # noqa: E402

SIZE = (240, 180)
IMAGES_A_PAGE = 2


async def judged(resources: ScanResources, images: list[bytes]) -> float:
    """Seconds to decode and judge the images, as many at once as a scan has in hand."""
    engine, slots = resources.engine(), asyncio.Semaphore(IMAGES_AT_ONCE)

    async def one(data: bytes) -> None:
        async with slots:
            await engine.judge((await resources.decoder.decode(data)).raster)

    began = time.perf_counter()
    await asyncio.gather(*(one(data) for data in images))
    return time.perf_counter() - began


async def read(path: Path, settings: Settings) -> tuple[float, list[bytes]]:
    """Seconds to read a PDF's images and nothing else, and the images."""
    began = time.perf_counter()
    found = [one.data async for one in extract_pdf(open_path(path), settings) if isinstance(one, Candidate)]
    return time.perf_counter() - began, found


async def scanned(
    database: Database, resources: ScanResources, path: Path, images: int, no_cache: bool
) -> tuple[float, float, float]:
    """Seconds of a whole scan and until its first verdict was stored, and MB of memory that were held more at its end."""
    first: list[float] = []
    before, began = held_mb(), time.perf_counter()
    kind = "folder" if path.is_dir() else "pdf"
    scan_id = await scans.create(database, kind=kind, target=path.name, options={"no_cache": no_cache})
    opener = lambda: asyncio.to_thread(open_path, path)  # noqa: E731
    await ScanRunner(database, resources).run_scan(scan_id, opener, lambda _: first.append(time.perf_counter() - began))
    seconds, growth = time.perf_counter() - began, held_mb() - before
    report = await scans.report(database, scan_id)
    assert (report.status, len(report.images)) == ("done", images), (report.status, report.error, len(report.images))
    return seconds, first[0], growth


def held_mb() -> float:
    """Resident memory of this process and its children, in MB."""
    own, held = psutil.Process(), 0
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.Error):  # one that ends meanwhile
            held += process.memory_info().rss
    return held / 2**20


def drawn(number: int) -> bytes:
    """A small JPEG that shows its number; the pictures of tests repeat after 1,440."""
    image = Image.open(BytesIO(picture("PNG", SIZE, number)))
    ImageDraw.Draw(image).text((20, 20), str(number), font_size=40)
    out = BytesIO()
    image.save(out, "JPEG")
    return out.getvalue()


def write_folder(folder: Path, files: int) -> list[bytes]:
    folder.mkdir()
    images = [drawn(number) for number in range(files)]
    for number, data in enumerate(images):
        (folder / f"{number:05}.jpg").write_bytes(data)
    return images


def write_pdf(path: Path, pages: int) -> None:
    document = pymupdf.open()
    for number in range(pages):
        page = document.new_page()
        page.insert_text((60, 60), f"Figure {number}: axial slices, contrast enhanced", fontsize=11)
        for place in range(IMAGES_A_PAGE):
            data = drawn(1_000_000 + IMAGES_A_PAGE * number + place)
            page.insert_image((60, 80 + 340 * place, 460, 380 + 340 * place), stream=data)
    document.save(path)


async def measure(folder: Path, given: argparse.Namespace) -> dict[str, object]:
    settings = Settings(data_dir=folder / "data", max_images=max(given.files, IMAGES_A_PAGE * given.pages))
    images = await asyncio.to_thread(write_folder, folder / "files", given.files)
    await asyncio.to_thread(write_pdf, folder / "long.pdf", given.pages)
    times: dict[str, list[float]] = {}

    def keep(**values: float) -> None:
        for name, value in values.items():
            times.setdefault(name, []).append(round(value, 3))

    async with Database(settings) as database, open_resources(settings) as resources:
        await database.migrate()
        await judged(resources, images[:IMAGES_AT_ONCE])
        for _ in range(given.rounds):
            keep(folder_judged=await judged(resources, images))
            whole, first, growth = await scanned(database, resources, folder / "files", given.files, no_cache=True)
            keep(folder_scan=whole, folder_first_verdict=first, folder_memory_growth_MB=growth)
            whole, _, _ = await scanned(database, resources, folder / "files", given.files, no_cache=False)
            keep(folder_cached=whole)
            alone, found = await read(folder / "long.pdf", settings)
            keep(pdf_read=alone, pdf_judged=await judged(resources, found))
            whole, first, growth = await scanned(database, resources, folder / "long.pdf", len(found), no_cache=True)
            keep(pdf_scan=whole, pdf_first_verdict=first, pdf_memory_growth_MB=growth)
            whole, _, _ = await scanned(database, resources, folder / "long.pdf", len(found), no_cache=False)
            keep(pdf_cached=whole)
    middle: Callable[[str], float] = lambda name: statistics.median(times[name])  # noqa: E731
    return {
        "folder_scan_to_judging": round(middle("folder_scan") / middle("folder_judged"), 2),
        "folder_cached_to_judging": round(middle("folder_cached") / middle("folder_judged"), 2),
        "pdf_scan_to_reading": round(middle("pdf_scan") / middle("pdf_read"), 2),
        "pdf_scan_to_reading_and_judging": round(middle("pdf_scan") / (middle("pdf_read") + middle("pdf_judged")), 2),
        "pdf_cached_to_reading": round(middle("pdf_cached") / middle("pdf_read"), 2),
        "seconds": times,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    about = {**vars(given), "image": SIZE, "images_a_page": IMAGES_A_PAGE, "load_before": round(os.getloadavg()[0], 1)}
    with tempfile.TemporaryDirectory(prefix="ml-", dir="/tmp") as place:
        Path(place).chmod(0o755)  # as root the database runs as another user, who has to get in
        record("documents", about, asyncio.run(measure(Path(place), given)))

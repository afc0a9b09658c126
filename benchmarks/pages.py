"""Scans labelled pages and PDFs by the real pipeline, and measures how good the Reports are (page_metrics.py).

    .venv/bin/python benchmarks/pages.py [--pages ../shared/pages] [--data-dir DIR] [--only SLUG] [--mistakes]

The root of each case is served on a free port of 127.0.0.1 and scanned as a user's page or PDF would be, without the cache. Images
are matched as page_labels.py says.

One scan gives both columns: `image`, the verdict of the image's bytes alone, and `context`, joined with what stands beside it.
Appends to results/pages.jsonl.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from aiohttp import web  # noqa: E402 - run as a script
from page_labels import Case, load_cases, matched  # noqa: E402
from page_metrics import Answer, metrics, mistakes, print_tables  # noqa: E402
from record import record  # noqa: E402

from server.contract.errors import NotFound  # noqa: E402
from server.contract.report import report_json  # noqa: E402
from server.scan.resources import open_resources  # noqa: E402
from server.scan.runner import ScanRunner  # noqa: E402
from server.settings import Settings  # noqa: E402
from server.store import scans, thumbnails  # noqa: E402
from server.store.database import Database  # noqa: E402

PAGES = ROOT.parent / "shared" / "pages"
AT_ONCE = 2  # scans: one renders while the other is judged


@asynccontextmanager
async def served(root: Path) -> AsyncIterator[str]:
    """Serve a folder on loopback; gives the address of its top."""
    application = web.Application()
    application.router.add_static("/", root, show_index=False)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def thumbnails_of(database: Database, report: Mapping[str, Any]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for image in report["images"]:
        try:
            found[image["sha256"]] = await thumbnails.thumbnail(database, image["sha256"])
        except NotFound:  # a near duplicate has none of its own
            continue
    return found


async def scanned(case: Case, runner: ScanRunner) -> UUID:
    """Scan one case as a user would; gives the scan's id."""
    async with served(case.file.parent if case.kind == "pdf" else case.root) as top:
        url = f"{top}/{case.file.name if case.kind == 'pdf' else case.entry}"
        scan_id = await scans.create(runner.database, kind=case.kind, target=url, url=url, options={"no_cache": True})
        await runner.run_scan(scan_id)
    return scan_id


async def answers_of(case: Case, database: Database, scan_id: UUID) -> list[Answer]:
    """The labelled images of one case with their verdicts in its Report."""
    report = report_json(await scans.report(database, scan_id))
    if report["status"] not in ("done", "partial"):
        raise RuntimeError(f"{case.slug}: the scan {report['status']}: {report['error']}")
    images = report["images"]
    pairs = matched(case, images, await thumbnails_of(database, report))
    return [
        Answer(case.slug, labelled, None if index is None else images[index]["verdict"], by)
        for labelled, (index, by) in zip(case.images, pairs, strict=True)
    ]


async def measure(cases: list[Case], data_dir: Path) -> dict[str, list[Answer]]:
    """Answers by evidence: of the image alone, and with context."""
    settings = Settings(data_dir=data_dir, allow_networks=(ip_network("127.0.0.1/32"),), context="on")
    async with Database(settings) as database, open_resources(settings) as resources:
        await database.migrate()
        runner, slots = ScanRunner(database, resources), asyncio.Semaphore(AT_ONCE)

        async def one(case: Case) -> UUID:
            async with slots:
                began = time.perf_counter()
                scan_id = await scanned(case, runner)
                print(f"{case.slug}: {time.perf_counter() - began:.1f} s", file=sys.stderr)
                return scan_id

        ids = await asyncio.gather(*map(one, cases))
        found: dict[str, list[Answer]] = {}
        for evidence in ("image", "context"):
            database.with_context = evidence == "context"
            found[evidence] = [
                answer for case, scan_id in zip(cases, ids, strict=True) for answer in await answers_of(case, database, scan_id)
            ]
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--pages", type=Path, default=PAGES, help="a folder with cases.json and the roots it names")
    parser.add_argument("--data-dir", type=Path, help="kept between runs, so that prompts are not embedded anew (MEDLENS_DATA_DIR)")
    parser.add_argument("--only", help="cases whose slug contains this; nothing is recorded")
    parser.add_argument("--mistakes", action="store_true", help="list every image that was not found or got a wrong modality")
    arguments = parser.parse_args()
    cases = [case for case in load_cases(arguments.pages) if (arguments.only or "") in case.slug]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="ml-", dir="/tmp") as place:
        Path(place).chmod(0o755)  # as root the database runs as another user, who has to get in
        load = os.getloadavg()[0]
        answers = asyncio.run(measure(cases, arguments.data_dir or Path(place) / "d"))
    totals = {evidence: metrics(found) for evidence, found in answers.items()}
    print_tables(answers["context"], totals)
    if arguments.mistakes:
        print("\n".join(mistakes(answers["context"])))
    if not arguments.only:
        version = next(answer.verdict["model_version"] for answer in answers["image"] if answer.verdict)
        matched_by = dict(Counter(answer.matched_by for answer in answers["image"]))
        about = {
            "pages": arguments.pages.name,
            "cases": len(cases),
            "images": sum(matched_by.values()),
            "load_before": round(load, 1),
        }
        seconds = round(time.perf_counter() - began, 1)
        record("pages", about, {**totals, "matched_by": matched_by, "model_version": version, "seconds": seconds})


if __name__ == "__main__":
    main()

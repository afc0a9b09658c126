"""Scans labelled pages and PDFs by the real walk, and says how good the Reports are.

    .venv/bin/python benchmarks/pages.py [--pages ../shared/pages] [--data-dir DIR] [--only SLUG] [--mistakes]

Each case's root is served on a free port of 127.0.0.1 and scanned as a user's page or PDF would be, without the cache. Images are
matched as page_labels.py says. Figures, all over labelled images that a plain load asks for, `unclear` ones left out:

- found: of all, in the Report. What medlens leaves out by rule (one colour only, too many pixels) is not found.
- medical_recall: of those labelled medical, found and called medical. mixed_recall: the same of `mixed`. false_alarms: of
  `non_medical`, called medical. precision: of those called medical, labelled medical.
- modality: of those labelled medical, found and named rightly; a `mixed` figure by one of the modalities it contains. `single` and
  `mixed` apart; `of_called_medical` leaves out what was not called medical.
- uncertain, uncertain_medical: of the found ones, of the medical ones found. open_medical: medical or not is itself not sure.
- sure: of the answers that are sure of the modality (and of those sure of medical-or-not), the right ones.

One scan gives both columns: `image`, the answer of the image's bytes alone, and `context`, joined with what stands beside it.
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
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from aiohttp import web  # noqa: E402 - run as a script
from page_labels import MIXED, Case, Labelled, load_cases, matched  # noqa: E402
from record import record  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from server.contract.errors import NotFound  # noqa: E402
from server.contract.report import report_json  # noqa: E402
from server.scan.resources import open_resources  # noqa: E402
from server.scan.runner import ScanRunner  # noqa: E402
from server.settings import Settings  # noqa: E402
from server.store import scans, thumbnails  # noqa: E402
from server.store.database import Database  # noqa: E402

PAGES = ROOT.parent / "shared" / "pages"
AT_ONCE = 2  # scans: one renders while the other is judged


@dataclass(frozen=True)
class Answer:
    """A labelled image, and what the Report says of it; `verdict` is None where it was not found."""

    case: str
    labelled: Labelled
    verdict: Mapping[str, Any] | None
    told_by: str

    @property
    def called_medical(self) -> bool:
        return self.verdict is not None and bool(self.verdict["is_medical"])

    @property
    def named_rightly(self) -> bool:
        return self.verdict is not None and self.verdict["modality"] in self.labelled.contains

    @property
    def sure(self) -> bool:
        return self.verdict is not None and not self.verdict["uncertain"]

    @property
    def medical_sure(self) -> bool:
        """Sure of medical or not; one certainty stands for both where the Report has but one."""
        return self.verdict is not None and bool(self.verdict.get("medical", {"sure": not self.verdict["uncertain"]})["sure"])


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
    """The labelled images of one case beside what its Report says of them."""
    report = report_json(await scans.report(database, scan_id))
    if report["status"] not in ("done", "partial"):
        raise RuntimeError(f"{case.slug}: the scan {report['status']}: {report['error']}")
    images = report["images"]
    pairs = matched(case, images, await thumbnails_of(database, report))
    return [
        Answer(case.slug, labelled, None if index is None else images[index]["verdict"], told_by)
        for labelled, (index, told_by) in zip(case.images, pairs, strict=True)
    ]


async def measure(cases: list[Case], data_dir: Path) -> dict[str, list[Answer]]:
    """Answers by evidence: of the image alone, and with context."""
    settings = Settings(data_dir=data_dir, allow_networks=(ip_network("127.0.0.1/32"),), context="on")
    async with Database(settings) as database, open_resources(settings) as resources:
        await database.migrate()
        runner, hands = ScanRunner(database, resources), asyncio.Semaphore(AT_ONCE)

        async def one(case: Case) -> UUID:
            async with hands:
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


def share(part: int, whole: int) -> dict[str, Any]:
    return {"share": round(part / whole, 4) if whole else None, "n": part, "of": whole}


def figures(answers: list[Answer]) -> dict[str, Any]:
    """Every figure of the docstring, each as a share with its counts."""
    found = [answer for answer in answers if answer.verdict is not None]
    medical = [answer for answer in answers if answer.labelled.medical]
    found_medical = [answer for answer in medical if answer.verdict is not None]
    other = [answer for answer in found if not answer.labelled.medical]
    mixed, single = [a for a in medical if a.labelled.label == MIXED], [a for a in medical if a.labelled.label != MIXED]
    called, sure, medical_sure = (
        [a for a in found if a.called_medical],
        [a for a in found if a.sure],
        [a for a in found if a.medical_sure],
    )

    def named(group: list[Answer]) -> dict[str, Any]:
        return share(sum(answer.named_rightly for answer in group), len(group))

    return {
        "found": share(len(found), len(answers)),
        "medical_recall": share(sum(answer.called_medical for answer in medical), len(medical)),
        "mixed_recall": share(sum(answer.called_medical for answer in mixed), len(mixed)),
        "precision": share(sum(answer.labelled.medical for answer in called), len(called)),
        "false_alarms": share(sum(answer.called_medical for answer in other), len(other)),
        "modality": named(medical),
        "modality_single": named(single),
        "modality_mixed": named(mixed),
        "modality_of_called_medical": named([answer for answer in medical if answer.called_medical]),
        "uncertain": share(len(found) - len(sure), len(found)),
        "uncertain_medical": share(sum(not answer.sure for answer in found_medical), len(found_medical)),
        "open_medical": share(sum(not answer.medical_sure for answer in found), len(found)),
        "sure_modality": named(sure),
        "sure_medical": share(sum(answer.called_medical == answer.labelled.medical for answer in medical_sure), len(medical_sure)),
        **of_context(found),
    }


def of_context(found: list[Answer]) -> dict[str, Any]:
    """How often a context is shown, names a modality that the image has, and contradicts the answer."""
    told = [(answer, answer.verdict["context"]) for answer in found if answer.verdict and answer.verdict.get("context")]
    if not told:
        return {}
    right = sum(context["modality"] in answer.labelled.contains for answer, context in told)
    return {
        "context_shown": share(len(told), len(found)),
        "context_right": share(right, len(told)),
        "context_disagrees": share(sum(not context["agrees"] for _, context in told), len(told)),
    }


def people(answers: list[Answer], totals: Mapping[str, Mapping[str, Any]]) -> None:
    """A line a case, with context; then every figure by either evidence. `wrong`: sure and named wrongly."""
    table = Table(box=None, header_style="bright_black", padding=(0, 2, 0, 0))
    for name in ("case", "found", "medical", "alarms", "modality", "unsure", "wrong"):
        table.add_column(name, justify="left" if name == "case" else "right", no_wrap=True)
    for slug in dict.fromkeys(answer.case for answer in answers):
        own = [answer for answer in answers if answer.case == slug]
        one = figures(own)
        wrong = sum(answer.sure and not answer.named_rightly for answer in own)
        columns = ("found", "medical_recall", "false_alarms", "modality", "uncertain")
        table.add_row(slug, *(f"{one[name]['n']}/{one[name]['of']}" for name in columns), str(wrong or ""))
    console = Console()
    console.print(table)
    shown = Table(box=None, header_style="bright_black", padding=(0, 2, 0, 0))
    for name in ("figure", "image alone", "", "with context", ""):
        shown.add_column(name, justify="left" if name == "figure" else "right", no_wrap=True)
    for name in totals["context"]:
        cells = [_cells(totals[evidence].get(name)) for evidence in ("image", "context")]
        shown.add_row(name, *cells[0], *cells[1])
    console.print(shown)


def _cells(value: Mapping[str, Any] | None) -> tuple[str, str]:
    if value is None or value["share"] is None:
        return "", ""
    return f"{value['share']:.3f}", f"{value['n']}/{value['of']}"


def mistakes(answers: list[Answer]) -> list[str]:
    """What was not found, missed, raised a false alarm, or named wrongly, one line each."""
    lines = []
    for answer in answers:
        verdict = answer.verdict
        if verdict is None:
            lines.append(f"{answer.case} | {answer.labelled.name} | {answer.labelled.label} | not found")
        elif not answer.named_rightly:
            said = f"{verdict['modality']} {verdict['confidence']:.3f}{'' if answer.sure else ' uncertain'}"
            if context := verdict.get("context"):
                said += f" | {context['from']} says {context['modality']}: {context['quote']}"
            lines.append(f"{answer.case} | {answer.labelled.name} | {answer.labelled.label} | {said}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--pages", type=Path, default=PAGES, help="a folder with cases.json and the roots it names")
    parser.add_argument("--data-dir", type=Path, help="kept between runs, so that prompts are not embedded anew (MEDLENS_DATA_DIR)")
    parser.add_argument("--only", help="cases whose slug contains this; nothing is recorded")
    parser.add_argument("--mistakes", action="store_true", help="list every image that was not answered rightly")
    arguments = parser.parse_args()
    cases = [case for case in load_cases(arguments.pages) if (arguments.only or "") in case.slug]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="ml-", dir="/tmp") as place:
        Path(place).chmod(0o755)  # as root the database runs as another user, who has to get in
        load = os.getloadavg()[0]
        answers = asyncio.run(measure(cases, arguments.data_dir or Path(place) / "d"))
    totals = {evidence: figures(found) for evidence, found in answers.items()}
    people(answers["context"], totals)
    if arguments.mistakes:
        print("\n".join(mistakes(answers["context"])))
    if not arguments.only:
        version = next(answer.verdict["model_version"] for answer in answers["image"] if answer.verdict)
        told = dict(Counter(answer.told_by for answer in answers["image"]))
        about = {"pages": arguments.pages.name, "cases": len(cases), "images": sum(told.values()), "load_before": round(load, 1)}
        seconds = round(time.perf_counter() - began, 1)
        record("pages", about, {**totals, "matched_by": told, "model_version": version, "seconds": seconds})


if __name__ == "__main__":
    main()

"""One scan as a ZIP: its thumbnails in a folder per modality, a table of its images, the Report, and a README.

The ZIP is streamed: a scan of five hundred images needs the memory of a few dozen. Originals are not kept, and the README says so.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from itertools import islice

from aiohttp import web

from server.contract.csv_table import csv_text
from server.contract.modalities import MODALITIES
from server.contract.records import JudgedImage, Report
from server.contract.report import report_json
from server.store import scans, thumbnails
from server.store.database import Database
from server.store.export import of_report
from server.web.api.exports import COLUMNS, csv_row
from server.web.http.attachment import ZIP, Archive, streamed
from server.web.http.ids import scan_id_of
from server.web.http.keys import DATABASE
from server.web.http.operation import Answer, Operation, operation
from server.web.texts.catalogue import current

# Thumbnails in memory at once, about 15 kB each.
AT_ONCE = 50


def file_name(position: int, judged: JudgedImage) -> str:
    """`ct/007_3f2a….webp`: by modality, in page order. No name comes from the page, which may be hostile."""
    copy = "_near_copy" if judged.image.near_duplicate_of else ""
    return f"{judged.verdict.modality}/{position:03}_{judged.image.sha256[:12]}{copy}.webp"


def readme(report: Report, kept: int) -> str:
    return current().readme["scan"].format(
        target=report.target, date=f"{report.created_at:%Y-%m-%d %H:%M} UTC", images=len(report.images), kept=kept,
        model=report.model_version or "", folders=" ".join(f"{name}/" for name in MODALITIES),
    )  # fmt: skip


def table(report: Report, names: Sequence[str]) -> str:
    rows = (csv_row(of_report(report, judged)) for judged in report.images)
    return csv_text([("file", *COLUMNS), *((name, *row) for name, row in zip(names, rows, strict=True))])


async def packed(database: Database, report: Report) -> AsyncGenerator[bytes, None]:
    """The ZIP in pieces. `report`: its images are numbered in their order."""
    shas = [one.image.sha256 for one in report.images]
    kept = await thumbnails.kept(database, shas)
    names = [file_name(number, one) if one.image.sha256 in kept else "" for number, one in enumerate(report.images, start=1)]
    archive = Archive(report.created_at)
    archive.add("README.txt", readme(report, len(kept)), deflate=True)
    archive.add("images.csv", table(report, names), deflate=True)
    archive.add("report.json", json.dumps(report_json(report), ensure_ascii=False, indent=1), deflate=True)
    left = iter([(sha256, name) for sha256, name in zip(shas, names, strict=True) if name])
    while some := list(islice(left, AT_ONCE)):
        webps = await thumbnails.several(database, [sha256 for sha256, _ in some])
        for sha256, name in some:
            if sha256 in webps:
                archive.add(name, webps[sha256])  # WebP does not compress further
        yield archive.take()
    archive.close()
    yield archive.take()


@operation(
    Operation(
        summary="One scan as a ZIP: thumbnails in a folder per modality, images.csv, report.json, README.txt",
        tag="scans",
        access="caller",
        rate="read",
        answers={200: Answer("the ZIP; originals are not kept, so its images are the thumbnails", content_type=ZIP)},
    )
)
async def scan_zip(request: web.Request) -> web.StreamResponse:
    database = request.app[DATABASE]
    report = await scans.report(database, scan_id_of(request))
    return await streamed(request, packed(database, report), ZIP, f"medlens-{report.id.hex[:8]}.zip")

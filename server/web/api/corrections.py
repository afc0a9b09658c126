"""Corrections: made, undone, and all of them as a data set, as CSV or as a ZIP with thumbnails."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from aiohttp import web

from server.contract.csv_table import csv_text
from server.contract.report import verdict_json
from server.store import corrections, labelled
from server.store.database import Database
from server.store.labelled import LabelledImage
from server.web.api.answers import CorrectionKept
from server.web.api.shapes import Correction
from server.web.http.attachment import CSV, ZIP, Archive, named, streamed
from server.web.http.ids import sha256_of
from server.web.http.keys import DATABASE
from server.web.http.operation import Answer, Operation, body_of, operation
from server.web.texts.catalogue import current

COLUMNS = ("sha256", "label", "previous")


@operation(
    Operation(
        summary="Correct the verdict; a person's label overrides it everywhere",
        tag="images",
        access="caller",
        rate="read",
        body=Correction,
        answers={200: Answer("the verdict now", CorrectionKept)},
    )
)
async def correct(request: web.Request) -> web.StreamResponse:
    sha256, correction = sha256_of(request), await body_of(request, Correction)
    judged = await corrections.correct(request.app[DATABASE], sha256, correction.modality)
    return web.json_response({"sha256": sha256, "modality": correction.modality, "verdict": verdict_json(judged.verdict)})


@operation(
    Operation(
        summary="Undo the last correction",
        tag="images",
        access="caller",
        rate="read",
        answers={200: Answer("the verdict now", CorrectionKept)},
    )
)
async def undo_correction(request: web.Request) -> web.StreamResponse:
    sha256 = sha256_of(request)
    judged = await corrections.undo(request.app[DATABASE], sha256)
    return web.json_response({"sha256": sha256, "modality": judged.verdict.modality, "verdict": verdict_json(judged.verdict)})


def data_set_csv(rows: list[LabelledImage]) -> str:
    return csv_text([COLUMNS, *((row.sha256, row.label, row.previous or "") for row in rows)])


@operation(
    Operation(
        summary="Every image that a person labelled, as CSV",
        tag="images",
        access="caller",
        rate="read",
        answers={200: Answer(", ".join(COLUMNS), content_type=CSV)},
    )
)
async def corrections_csv(request: web.Request) -> web.StreamResponse:
    rows = await labelled.data_set(request.app[DATABASE])
    return web.Response(text=data_set_csv(rows), content_type=CSV, charset="utf-8", headers=named("medlens-corrections.csv"))


async def packed(database: Database, rows: list[LabelledImage], now: datetime) -> AsyncGenerator[bytes, None]:
    """The data set as a ZIP in pieces: manifest.csv and README.txt first, then the images in a folder per label."""
    names = {row.sha256: f"{row.label}/{row.sha256[:16]}.webp" for row in rows if row.has_thumbnail}
    lines = ((names[row.sha256], row.label, row.sha256, row.previous or "") for row in rows if row.has_thumbnail)
    archive = Archive(now)
    archive.add(
        "README.txt", current().readme["corrections"].format(date=f"{now:%Y-%m-%d %H:%M} UTC", n=len(rows), kept=len(names))
    )
    archive.add("manifest.csv", csv_text([("file", "label", "sha256", "previous"), *lines]))
    async for sha256, webp in labelled.labelled_thumbnails(database, list(names)):
        archive.add(names[sha256], webp)  # WebP does not compress further
        yield archive.take()
    archive.close()
    yield archive.take()


@operation(
    Operation(
        summary="The same with the thumbnails that are kept, as a ZIP that `medlens evaluate` and `medlens train` read",
        tag="images",
        access="caller",
        rate="read",
        answers={200: Answer("manifest.csv, README.txt, and a folder per label", content_type=ZIP)},
    )
)
async def corrections_zip(request: web.Request) -> web.StreamResponse:
    database = request.app[DATABASE]
    rows = await labelled.data_set(database)
    return await streamed(request, packed(database, rows, datetime.now(UTC)), ZIP, "medlens-corrections.zip")

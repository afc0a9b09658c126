"""What people corrected: the list, and the data set to take away as CSV or with pictures. Undoing is images.py's."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from aiohttp import web
from pydantic import Field

from server.contract.csv_table import csv_text
from server.store import corrections, labelled, thumbnails
from server.store.database import Database
from server.store.labelled import LabelledImage
from server.web.http.attachment import CSV, ZIP, Archive, named, streamed
from server.web.http.keys import DATABASE
from server.web.http.operation import HTML, Answer, Operation, Shape, operation, query_of
from server.web.http.page import page
from server.web.texts.catalogue import ENGLISH

ROWS = 40
COLUMNS = ("sha256", "label", "previous")


class CorrectionsQuery(Shape):
    before: int | None = Field(None, ge=1, description="where the page before ended")


@operation(
    Operation(
        summary="What people corrected, newest first",
        tag="pages",
        access="page",
        query=CorrectionsQuery,
        answers={200: Answer("a page", content_type=HTML)},
    )
)
async def corrections_page(request: web.Request) -> web.StreamResponse:
    query = query_of(request, CorrectionsQuery)
    rows = await corrections.corrections(request.app[DATABASE], limit=ROWS + 1, before=query.before)
    shown = rows[:ROWS]
    pictures = await thumbnails.kept(request.app[DATABASE], [one.sha256 for one in shown])
    older = f"/corrections?before={shown[-1].id}" if len(rows) > ROWS else None
    return page(request, "corrections.html", rows=shown, pictures=pictures, older=older, first=query.before is None)


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
    """The data set as a ZIP in pieces: manifest.csv and README.txt first, then the pictures in a folder per label."""
    names = {row.sha256: f"{row.label}/{row.sha256[:16]}.webp" for row in rows if row.has_thumbnail}
    lines = ((names[row.sha256], row.label, row.sha256, row.previous or "") for row in rows if row.has_thumbnail)
    whole = Archive(now)
    whole.add("README.txt", ENGLISH.readme["corrections"].format(date=f"{now:%Y-%m-%d %H:%M} UTC", n=len(rows), kept=len(names)))
    whole.add("manifest.csv", csv_text([("file", "label", "sha256", "previous"), *lines]))
    async for sha256, webp in labelled.labelled_thumbnails(database, list(names)):
        whole.add(names[sha256], webp)  # WebP does not get smaller
        yield whole.take()
    whole.close()
    yield whole.take()


@operation(
    Operation(
        summary="The same with the small copies that are still kept, as a ZIP that `medlens evaluate` and `medlens train` read",
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

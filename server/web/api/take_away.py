"""The files that are made of a scan or a collection: tables, a ZIP, a COCO manifest, citations, a folder of HTML. All are
streamed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web
from aiohttp.typedefs import Handler

from server.contract.csv_table import csv_text
from server.store import collections, thumbnails
from server.store.database import Database
from server.store.export import Exported
from server.web.api.exports import COLUMNS, csv_pieces, csv_row, json_pieces
from server.web.files.citations import bibtex, csl, markdown
from server.web.files.coco import coco
from server.web.files.rows import Shown, in_pages, listed, rows_of, scan_shown
from server.web.files.share import AT_ONCE, folder
from server.web.http.attachment import CSV, ZIP, Archive, streamed
from server.web.http.ids import collection_id_of, scan_id_of
from server.web.http.keys import DATABASE
from server.web.http.operation import JSON, Answer, Operation, operation
from server.web.texts.catalogue import current

Pieces = AsyncGenerator[bytes, None]


@dataclass(frozen=True, slots=True)
class Download:
    """A file: the end of its address, its type, what it is, and what writes it."""

    name: str
    content_type: str
    summary: str
    write: Callable[[Database, Shown], Pieces]


def texts(
    write: Callable[[AsyncIterator[Exported]], AsyncIterator[str]], *, every: bool = False
) -> Callable[[Database, Shown], Pieces]:
    """`write` over the rows: `every` image, or those that `listed` leaves."""

    async def pieces(database: Database, shown: Shown) -> Pieces:
        async with aclosing(rows_of(database, shown)) as rows, aclosing(listed(rows)) as few:
            async for text in write(rows if every else few):
                yield text.encode()

    return pieces


async def shared(database: Database, shown: Shown) -> Pieces:
    """The folder of HTML as a ZIP."""
    archive = Archive(datetime.now(UTC))
    async with aclosing(folder(database, shown)) as files:
        async for name, data in files:
            archive.add(name, data, deflate=not name.endswith(".webp"))  # WebP does not compress further
            yield archive.take()
    archive.close()
    yield archive.take()


async def packed(database: Database, shown: Shown) -> Pieces:
    """The images of a collection in a folder per modality, with images.csv and README.txt, as a ZIP."""
    archive, number, kept_of_all = Archive(datetime.now(UTC)), 0, 0
    table = [("file", *COLUMNS)]
    async with aclosing(rows_of(database, shown)) as rows, aclosing(in_pages(rows, AT_ONCE)) as pages:
        async for page in pages:
            webps = await thumbnails.several(database, [row.judged.image.sha256 for row in page])
            for row in page:
                number += 1
                webp = webps.get(row.judged.image.sha256)
                name = f"{row.judged.verdict.modality}/{number:04}_{row.judged.image.sha256[:12]}.webp" if webp else ""
                table.append((name, *csv_row(row)))  # type: ignore[arg-type]
                if webp:
                    kept_of_all += 1
                    archive.add(name, webp)
            yield archive.take()
    archive.add("images.csv", csv_text(table), deflate=True)
    about = (
        current()
        .readme["collection"]
        .format(name=shown.name, date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", images=number, kept=kept_of_all)
    )
    archive.add("README.txt", about, deflate=True)
    archive.close()
    yield archive.take()


OF_BOTH = (
    Download("coco.json", JSON, "Images, modalities and panel boxes in the form of a COCO manifest", texts(coco)),
    Download("citations.json", JSON, "A citation for each image: CSL-JSON", texts(csl)),
    Download("citations.bib", "application/x-bibtex", "A citation for each image: BibTeX", texts(bibtex)),
    Download("citations.md", "text/markdown", "A citation for each image: Markdown", texts(markdown)),
    Download("share.zip", ZIP, "A folder of HTML with copies of the images, which opens without a server", shared),
)
OF_COLLECTIONS = (
    Download("export.csv", CSV, "The images of a collection as CSV, one row each", texts(csv_pieces, every=True)),
    Download("export.json", JSON, "The same as JSON: an array of images, each with its scan", texts(json_pieces, every=True)),
    Download("export.zip", ZIP, "The images in a folder per modality, images.csv, README.txt", packed),
    *OF_BOTH,
)


async def shown_of(request: web.Request) -> Shown:
    """What the address names. NotFound before the file begins."""
    database = request.app[DATABASE]
    if "collection" in request.match_info:
        one = await collections.collection(database, collection_id_of(request))
        return Shown(one.id, one.name, is_collection=True)
    return await scan_shown(database, scan_id_of(request))


def handler_of(download: Download, tag: str) -> Handler:
    """The route's handler, described."""

    @operation(
        Operation(
            summary=download.summary,
            tag=tag,
            access="caller",
            rate="read",
            answers={200: Answer("the file", content_type=download.content_type)},
        )
    )
    async def handler(request: web.Request) -> web.StreamResponse:
        shown = await shown_of(request)
        kind, _, end = download.name.partition(".")
        name = f"medlens-{shown.id.hex[:8]}{'' if kind == 'export' else f'-{kind}'}.{end}"
        charset = None if download.content_type == ZIP else "utf-8"
        return await streamed(request, download.write(request.app[DATABASE], shown), download.content_type, name, charset)

    return handler


ROUTES = (
    *(web.get(f"/api/scans/{{id}}/{one.name}", handler_of(one, "scans"), allow_head=False) for one in OF_BOTH),
    *(
        web.get(f"/api/collections/{{collection}}/{one.name}", handler_of(one, "collections"), allow_head=False)
        for one in OF_COLLECTIONS
    ),
)

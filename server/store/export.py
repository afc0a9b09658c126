"""All images of the scans that history's filters select, one row each, streamed: memory does not grow with their number."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Label, and_, select

from server.contract.records import JudgedImage, Report, SourceKind, Status
from server.store.codec import judged_of
from server.store.database import Database
from server.store.filters import Filters, conditions_for
from server.store.named_sets import notes, set_items, tags_of
from server.store.reading import IMAGES
from server.store.tables import scan_images, scans

AT_ONCE = 500  # rows fetched from the server-side cursor in one round trip


@dataclass(frozen=True, slots=True)
class Exported:
    """One image as its Report shows it, with its tags and note. The other fields are the scan's, None if no scan shows it."""

    judged: JudgedImage
    id: UUID | None = None
    kind: SourceKind | None = None
    target: str | None = None
    url: str | None = None
    title: str | None = None
    status: Status | None = None
    created_at: datetime | None = None
    tags: tuple[str, ...] = ()
    note: str = ""
    chosen: bool = False  # a person put this image itself into the collection


async def rows(database: Database, filters: Filters | None = None, scan_id: UUID | None = None) -> AsyncIterator[Exported]:
    """Newest scan first, its images in page order; with `scan_id` only those of one scan.

    Images of a running scan come in the order in which they were found. Close the iterator (aclosing) when you stop early: it holds
    a connection.
    """
    conditions = conditions_for(filters or Filters())
    if scan_id is not None:
        conditions.append(scans.c.id == scan_id)
    wanted = (
        IMAGES.add_columns(*OF_SCAN, *marks_of(scan_images.c.sha256))
        .where(and_(*conditions))
        .order_by(scans.c.created_at.desc(), scans.c.id.desc(), scan_images.c.position, scan_images.c.sha256)
        .execution_options(yield_per=AT_ONCE)
    )
    async with database.begin() as connection:
        result = await connection.stream(wanted)
        try:
            async for row in result.mappings():
                judged = judged_of(row, cached=row["cached"], with_context=database.with_context)
                yield exported(row, judged)
        finally:  # `async with connection.stream` closes the cursor only when nothing is raised
            await result.close()


OF_SCAN = (scans.c.id, scans.c.kind, scans.c.target, scans.c.url, scans.c.title, scans.c.status, scans.c.created_at)


def exported(row: Mapping[Any, Any], judged: JudgedImage) -> Exported:
    """The row of an image in a scan, with the columns OF_SCAN and `marks_of`."""
    return Exported(
        judged, **{column.name: row[column] for column in OF_SCAN}, tags=tuple(row["tags"] or ()), note=row["note"] or ""
    )


def marks_of(sha256: ColumnElement[Any]) -> tuple[Label[Any], Label[Any]]:
    """Two columns for a statement that has images: the `tags` of each in alphabetical order, and its `note`."""
    tagged = set_items.alias("tagged")
    note = select(notes.c.text).where(notes.c.sha256 == sha256).scalar_subquery()
    return tags_of(tagged.c.sha256 == sha256, tagged).label("tags"), note.label("note")


def of_report(report: Report, judged: JudgedImage) -> Exported:
    """The row of an image of a Report; tags and note are not in it."""
    facts = {name: getattr(report, name) for name in ("id", "kind", "target", "title", "status", "created_at")}
    return Exported(judged, **facts)

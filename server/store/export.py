"""All images of the scans that history's filters select, one row each, streamed: memory does not grow with their number."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_

from server.contract.records import JudgedImage, SourceKind, Status
from server.store.codec import judged_of
from server.store.database import Database
from server.store.history import Filters, conditions_for
from server.store.reading import IMAGES
from server.store.tables import scan_images, scans

AT_ONCE = 500  # rows fetched from the server-side cursor in one round trip


@dataclass(frozen=True, slots=True)
class Exported:
    """One image of one scan, as its Report shows it; the other fields are the scan's."""

    id: UUID
    kind: SourceKind
    target: str
    title: str | None
    status: Status
    created_at: datetime
    judged: JudgedImage


async def rows(database: Database, filters: Filters | None = None, scan_id: UUID | None = None) -> AsyncIterator[Exported]:
    """Newest scan first, its images in page order; with `scan_id` only those of one scan.

    Images of a running scan come in the order in which they were found. Close the iterator (aclosing) when you stop early: it holds
    a connection.
    """
    conditions = conditions_for(filters or Filters())
    if scan_id is not None:
        conditions.append(scans.c.id == scan_id)
    wanted = (
        IMAGES.add_columns(*_OF_SCAN)
        .where(and_(*conditions))
        .order_by(scans.c.created_at.desc(), scans.c.id.desc(), scan_images.c.position, scan_images.c.sha256)
        .execution_options(yield_per=AT_ONCE)
    )
    async with database.begin() as connection:
        result = await connection.stream(wanted)
        try:
            async for row in result.mappings():
                yield Exported(
                    **{column.name: row[column] for column in _OF_SCAN},
                    judged=judged_of(row, cached=row["cached"], with_context=database.with_context),
                )
        finally:  # `async with connection.stream` closes the cursor only when nothing is raised
            await result.close()


_OF_SCAN = (scans.c.id, scans.c.kind, scans.c.target, scans.c.title, scans.c.status, scans.c.created_at)

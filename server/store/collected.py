"""The items of a collection or tag, page by page: its images as the scans show them that they were added from, and its scans."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store import export, history
from server.store.codec import judged_of
from server.store.columns import Sha256
from server.store.database import Database
from server.store.export import OF_SCAN, Exported
from server.store.history import Entry
from server.store.named_sets import set_items
from server.store.reading import IMAGES
from server.store.tables import scan_images, scans
from server.store.verdicts import latest

AT_ONCE = 500  # images read in one step of an export


@dataclass(frozen=True, slots=True)
class CollectedImage:
    """An image item. `row`: the image as the scan shows it that it was added from, else as the newest one does that found it."""

    item: int
    position: int
    row: Exported


@dataclass(frozen=True, slots=True)
class CollectedScan:
    """A scan item, with its row of the history."""

    item: int
    position: int
    entry: Entry


async def images(database: Database, set_id: UUID, *, after: int = 0, limit: int = AT_ONCE) -> list[CollectedImage]:
    """Image items in order, from the one behind position `after`. Images that have no verdict are left out."""
    async with database.begin() as connection:
        listed = (await connection.execute(_image_items(set_id).where(set_items.c.position > after).limit(limit))).all()
        shown = await _shown(connection, [(one.shown_in, one.sha256) for one in listed if one.shown_in])
    found = []
    for one in listed:
        row = shown.get((one.shown_in, one.sha256))
        if row is not None:
            judged = judged_of(row, cached=row["cached"], with_context=database.with_context)
            found.append(CollectedImage(one.id, one.position, export.exported(row, judged)))
        elif (newest := await latest(database, one.sha256)) is not None:  # no scan shows it any more
            found.append(
                CollectedImage(one.id, one.position, Exported(judged=newest, note=one.note or "", tags=tuple(one.tags or ())))
            )
    return found


async def scan_items(database: Database, set_id: UUID, *, after: int = 0, limit: int = history.MOST) -> list[CollectedScan]:
    """Scan items in order, from the one behind position `after`, at most history.MOST; deleted scans are left out."""
    wanted = (
        select(set_items.c.id, set_items.c.position, set_items.c.scan_id)
        .join(scans, scans.c.id == set_items.c.scan_id)
        .where(set_items.c.set_id == set_id, set_items.c.removed_at.is_(None), scans.c.deleted_at.is_(None))
        .where(set_items.c.position > after)
        .order_by(set_items.c.position)
        .limit(min(limit, history.MOST))
    )
    async with database.begin() as connection:
        listed = (await connection.execute(wanted)).all()
    entries = {entry.id: entry for entry in await history.among(database, [one.scan_id for one in listed])} if listed else {}
    return [CollectedScan(one.id, one.position, entries[one.scan_id]) for one in listed if one.scan_id in entries]


async def rows(database: Database, set_id: UUID) -> AsyncIterator[Exported]:
    """Every image of a collection: first its image items in order, then all images of each of its scans.

    An image that is an item and in one of these scans comes for each of them. Close the iterator (aclosing) when you stop early.
    """
    after = 0
    while some := await images(database, set_id, after=after):
        for one in some:
            yield replace(one.row, chosen=True)
        after = some[-1].position
    after = 0
    while listed := await scan_items(database, set_id, after=after):
        for scan in listed:
            async with aclosing(export.rows(database, scan_id=scan.entry.id)) as found:  # type: ignore[type-var]
                async for row in found:
                    yield row
        after = listed[-1].position


def _image_items(set_id: UUID) -> Any:
    newest_first = ((scan_images.c.scan_id == set_items.c.found_in).desc().nulls_last(), scans.c.created_at.desc())
    shown_in = (
        select(scan_images.c.scan_id)
        .join(scans, scans.c.id == scan_images.c.scan_id)
        .where(scan_images.c.sha256 == set_items.c.sha256, scans.c.deleted_at.is_(None))
        .order_by(*newest_first)
        .limit(1)
        .scalar_subquery()
    )
    marks = export.marks_of(set_items.c.sha256)
    return (
        select(set_items.c.id, set_items.c.position, set_items.c.sha256, shown_in.label("shown_in"), *marks)
        .where(set_items.c.set_id == set_id, set_items.c.sha256.is_not(None), set_items.c.removed_at.is_(None))
        .order_by(set_items.c.position)
    )


async def _shown(connection: AsyncConnection, pairs: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], Any]:
    """The rows of these images in these scans, as export.py reads them."""
    if not pairs:
        return {}
    wanted = IMAGES.add_columns(scan_images.c.scan_id, *OF_SCAN, *export.marks_of(scan_images.c.sha256))
    wanted = wanted.where(and_(tuple_(scan_images.c.scan_id, scan_images.c.sha256).in_(pairs)))
    return {(row["scan_id"], row["sha256"]): row for row in (await connection.execute(wanted)).mappings()}


async def around(database: Database, set_id: UUID, sha256: str) -> tuple[str | None, str | None, int, int]:
    """The images before and after it in a collection, its place there from 1, and how many there are; place 0: it is not in it."""
    order = (set_items.c.set_id == set_id) & set_items.c.sha256.is_not(None) & set_items.c.removed_at.is_(None)
    over = {"order_by": set_items.c.position}
    numbered = select(
        set_items.c.sha256,
        func.lag(set_items.c.sha256, type_=Sha256).over(**over).label("before"),  # type: ignore[arg-type]
        func.lead(set_items.c.sha256, type_=Sha256).over(**over).label("after"),  # type: ignore[arg-type]
        func.row_number().over(**over).label("place"),  # type: ignore[arg-type]
        func.count().over().label("total"),
    ).where(order)
    listed = numbered.subquery()
    async with database.begin() as connection:
        row = (await connection.execute(select(listed).where(listed.c.sha256 == sha256))).first()
    return (row.before, row.after, row.place, row.total) if row else (None, None, 0, 0)

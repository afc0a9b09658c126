"""The items of a collection: added, put in order, removed, and put back within a minute. collected.py reads them."""

from __future__ import annotations

from collections.abc import Collection as Some
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.errors import NotFound, RequestError
from server.store.collections import one_of
from server.store.database import Database
from server.store.deletion import UNDO
from server.store.named_sets import change_alone, named_sets, set_items
from server.store.tables import images, scans

MAX_ADDED = 500  # scans, and images, in one request, half of whose bytes their hashes fill (MAX_JSON_BYTES)
MAX_ITEMS = 5_000  # of one collection: moving an item renumbers those behind it
_KEPT: ColumnElement[bool] = set_items.c.removed_at.is_(None)


@dataclass(frozen=True, slots=True)
class Added:
    """The new items, and how many were in the collection before."""

    items: tuple[int, ...]
    already: int


@dataclass(frozen=True, slots=True)
class Removed:
    """`moment` undoes the removal, within UNDO; None if nothing was removed."""

    count: int
    moment: datetime | None


async def add(
    database: Database, set_id: UUID, scan_ids: Sequence[UUID] = (), shas: Sequence[str] = (), found_in: UUID | None = None
) -> Added:
    """Append scans and images. `found_in`: the scan that shows these images.

    NotFound if a scan or image does not exist; RequestError if the collection would have more than MAX_ITEMS.
    """
    wanted_scans, wanted_images = list(dict.fromkeys(scan_ids)), list(dict.fromkeys(shas))
    async with database.begin() as connection:
        await change_alone(connection)
        one = await one_of(connection, set_id)
        there = [*wanted_scans, *([found_in] if found_in else [])]
        known = set(
            (await connection.execute(select(scans.c.id).where(scans.c.id.in_(there), scans.c.deleted_at.is_(None)))).scalars()
        )
        if missing := [one for one in there if one not in known]:
            raise NotFound(f"no scan {missing[0]}")
        stored = set((await connection.execute(select(images.c.sha256).where(images.c.sha256.in_(wanted_images)))).scalars())
        if unknown := [sha256 for sha256 in wanted_images if sha256 not in stored]:
            raise NotFound(f"no image {unknown[0]}")
        mine = or_(set_items.c.scan_id.in_(wanted_scans), set_items.c.sha256.in_(wanted_images))
        already = select(set_items.c.scan_id, set_items.c.sha256).where(set_items.c.set_id == set_id, _KEPT, mine)
        before: set[UUID | str] = {row.scan_id or row.sha256 for row in await connection.execute(already)}
        wanted: list[UUID | str] = [*wanted_images, *wanted_scans]
        new = [item for item in wanted if item not in before]
        if one.scans + one.images + len(new) > MAX_ITEMS:
            raise RequestError(f"a collection has {MAX_ITEMS} scans and images at most")
        last = await connection.scalar(select(func.coalesce(func.max(set_items.c.position), 0)).where(set_items.c.set_id == set_id))
        items: list[int] = []
        for position, item in enumerate(new, start=(last or 0) + 1):
            items.append(await connection.scalar(_append(set_id, item, position, found_in)))
        await _touched(connection, set_id)
    return Added(tuple(items), len(before))


async def remove(database: Database, set_id: UUID, items: Some[int]) -> Removed:
    """Remove these items, permanently after UNDO. NotFound if there is no such collection."""
    async with database.begin() as connection:
        await change_alone(connection)
        await one_of(connection, set_id)
        gone = update(set_items).where(set_items.c.set_id == set_id, set_items.c.id.in_(items), _KEPT)
        moments = (await connection.execute(gone.values(removed_at=func.now()).returning(set_items.c.removed_at))).scalars().all()
        await _touched(connection, set_id)
    return Removed(len(moments), min(moments, default=None))


async def put_back(database: Database, set_id: UUID, moment: datetime) -> int:
    """Undo the removal of this moment, within UNDO; returns how many items are back where they were, 0 if it is too late."""
    async with database.begin() as connection:
        await change_alone(connection)
        recent = set_items.c.removed_at > func.now() - UNDO
        back = update(set_items).where(set_items.c.set_id == set_id, set_items.c.removed_at == moment, recent)
        count = (await connection.execute(back.values(removed_at=None))).rowcount
        await _touched(connection, set_id)
    return count


async def move(database: Database, set_id: UUID, item: int, before: int | None) -> None:
    """Put an item before another one; None: to the end. NotFound if either is not in the collection."""
    async with database.begin() as connection:
        await change_alone(connection)
        await one_of(connection, set_id)
        wanted = (
            select(set_items.c.id, set_items.c.position).where(set_items.c.set_id == set_id, _KEPT).order_by(set_items.c.position)
        )
        order = list((await connection.execute(wanted)).scalars())
        if item not in order or (before is not None and before not in order):
            raise NotFound("this item is not in the collection")
        if item == before:
            return
        order.remove(item)
        order.insert(len(order) if before is None else order.index(before), item)
        places = case({one: place for place, one in enumerate(order, start=1)}, value=set_items.c.id)
        await connection.execute(update(set_items).where(set_items.c.id.in_(order)).values(position=places))
        await _touched(connection, set_id)


def _append(set_id: UUID, item: UUID | str, position: int, found_in: UUID | None) -> Any:
    """Insert an item; one that was removed a moment ago comes back at the end."""
    is_image = isinstance(item, str)
    row = {"set_id": set_id, "position": position, "sha256": item if is_image else None, "scan_id": None if is_image else item}
    row["found_in"] = found_in if is_image else None
    column = "sha256" if is_image else "scan_id"
    return (
        upsert(set_items)
        .values(row)
        .on_conflict_do_update(
            index_elements=[column, "set_id"],
            index_where=set_items.c[column].is_not(None),
            set_={"removed_at": None, "position": position, "found_in": row["found_in"], "added_at": func.now()},
        )
        .returning(set_items.c.id)
    )


async def _touched(connection: AsyncConnection, set_id: UUID) -> None:
    await connection.execute(update(named_sets).where(named_sets.c.id == set_id).values(changed_at=func.now()))

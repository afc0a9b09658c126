"""Collections: named, ordered sets of scans and images that a person puts together. What is deleted or removed can be
restored for a minute.

A tag is such a set too (named_sets.py): it is read, renamed, deleted and exported by the same functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.errors import NameTaken, NotFound, RequestError
from server.store.database import Database
from server.store.deletion import UNDO
from server.store.named_sets import SetKind, change_alone, key_of, name_of, named_sets, note_of

MAX_COLLECTIONS = 1_000  # the list is one page
PREVIEWS = 6  # images beside a collection's name in the list


@dataclass(frozen=True, slots=True)
class Collection:
    """A set with its counts. `previews`: its first images."""

    id: UUID
    kind: SetKind
    name: str
    note: str
    created_at: datetime
    changed_at: datetime
    scans: int
    images: int
    previews: tuple[str, ...]


async def collections(database: Database, kind: SetKind = "collection") -> list[Collection]:
    """All of them, the one that changed last first."""
    async with database.begin() as connection:
        rows = (await connection.execute(LISTED, {"kind": kind, "id": None, "most": PREVIEWS})).mappings()
        return [_collection(row) for row in rows]


async def collection(database: Database, set_id: UUID) -> Collection:
    """One collection or tag; NotFound if there is none."""
    async with database.begin() as connection:
        return await one_of(connection, set_id)


async def create(database: Database, name: str) -> Collection:
    """Make an empty collection. NameTaken if there is one of this name, RequestError for a name that is refused."""
    kept, set_id = name_of(name, "collection"), uuid4()
    async with database.begin() as connection:
        await change_alone(connection)
        total = await connection.scalar(select(func.count()).where(named_sets.c.kind == "collection", _ALIVE))
        if (total or 0) >= MAX_COLLECTIONS:
            raise RequestError(f"there are {MAX_COLLECTIONS} collections at most; delete one that nobody needs")
        row = {"id": set_id, "kind": "collection", "name": kept, "key": key_of(kept)}
        await _unless_taken(connection, kept, insert(named_sets).values(row))
        return await one_of(connection, set_id)


async def change(database: Database, set_id: UUID, name: str | None = None, note: str | None = None) -> Collection:
    """Rename it, or replace its note; None leaves either as it is. NameTaken as in `create`."""
    async with database.begin() as connection:
        await change_alone(connection)
        kind = (await one_of(connection, set_id)).kind
        values: dict[str, Any] = {"changed_at": func.now()}
        if name is not None:
            kept = name_of(name, kind)
            values |= {"name": kept, "key": key_of(kept)}
        if note is not None:
            values["note"] = note_of(note)
        await _unless_taken(connection, name or "", update(named_sets).where(named_sets.c.id == set_id).values(values))
        return await one_of(connection, set_id)


async def delete(database: Database, set_id: UUID) -> None:
    """Delete it, permanently after UNDO; the scans and images in it stay. NotFound if there is none."""
    async with database.begin() as connection:
        await change_alone(connection)
        await one_of(connection, set_id)
        await connection.execute(update(named_sets).where(named_sets.c.id == set_id).values(deleted_at=func.now()))


async def restore(database: Database, set_id: UUID) -> Collection:
    """Undo `delete`. NotFound if it is too late, NameTaken if another one has its name by now."""
    async with database.begin() as connection:
        await change_alone(connection)
        name = await connection.scalar(select(named_sets.c.name).where(named_sets.c.id == set_id))
        recent = named_sets.c.deleted_at > func.now() - UNDO
        back = update(named_sets).where(named_sets.c.id == set_id, recent).values(deleted_at=None)
        await _unless_taken(connection, name or "", back)
        return await one_of(connection, set_id)


_ALIVE: ColumnElement[bool] = named_sets.c.deleted_at.is_(None)
# An item of a deleted scan is hidden: the scan is purged within minutes, or restored.
SHOWN_ITEM = """set_items.set_id = named_sets.id AND set_items.removed_at IS NULL
    AND NOT EXISTS (SELECT FROM scans WHERE scans.id = set_items.scan_id AND scans.deleted_at IS NOT NULL)"""
LISTED = text(f"""
SELECT id, kind, name, note, created_at, changed_at,
    (SELECT count(scan_id) FROM set_items WHERE {SHOWN_ITEM}) AS scans,
    (SELECT count(sha256) FROM set_items WHERE {SHOWN_ITEM}) AS images,
    ARRAY(
        SELECT encode(sha256, 'hex') FROM set_items WHERE {SHOWN_ITEM} AND sha256 IS NOT NULL ORDER BY position LIMIT :most
    ) AS previews
FROM named_sets
WHERE deleted_at IS NULL AND (kind = :kind OR id = :id) ORDER BY changed_at DESC, id
""")  # noqa: S608 -- made of texts of this module


def _collection(row: Any) -> Collection:
    return Collection(**{**row, "previews": tuple(row["previews"])})


async def one_of(connection: AsyncConnection, set_id: UUID) -> Collection:
    """One collection or tag; NotFound if there is none."""
    row = (await connection.execute(LISTED, {"kind": None, "id": set_id, "most": PREVIEWS})).mappings().first()
    if row is None:
        raise NotFound(f"no collection {set_id}")
    return _collection(row)


async def _unless_taken(connection: AsyncConnection, name: str, statement: Any) -> None:
    try:
        await connection.execute(statement)
    except IntegrityError as error:
        raise NameTaken(f'the name "{name}" is taken') from error

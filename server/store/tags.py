"""Tags and the note of a scan or an image, set by people; and the tags there are, to suggest them.

An image is known by its SHA-256, so its tags and its note are the same in every scan. A tag that nothing carries is removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Select, Table, delete, func, insert, select, union
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import CompoundSelect

from server.contract.errors import NotFound, RequestError
from server.store.database import Database
from server.store.named_sets import change_alone, key_of, name_of, named_sets, note_of, notes, remove_empty_tags, set_items, tags_of
from server.store.tables import images, scan_images, scans

MAX_TAGS = 30  # of one scan or image: more are not read
MAX_TAG_NAMES = 2_000  # in all: the suggestions stay a list that people can search
SUGGESTED = 200  # tags in one list of suggestions


@dataclass(frozen=True, slots=True)
class Marked:
    """What is marked: a scan, or an image (with the scan that shows it, if known). Give `scan_id` or `sha256`."""

    scan_id: UUID | None = None
    sha256: str | None = None
    found_in: UUID | None = None


@dataclass(frozen=True, slots=True)
class TagsAndNote:
    """Tags in alphabetical order; an empty note is none."""

    tags: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag with how many scans and images carry it."""

    id: UUID
    name: str
    scans: int
    images: int


async def read(database: Database, marked: Marked) -> TagsAndNote:
    """NotFound if there is no such scan or image."""
    async with database.begin() as connection:
        return await _read(connection, marked)


async def set_tags(database: Database, marked: Marked, names: Sequence[str]) -> TagsAndNote:
    """Give it these tags and no other. RequestError for a name that is refused, or too many of them."""
    wanted = {key_of(name): name for name in reversed([name_of(one, "tag") for one in names])}
    if len(wanted) > MAX_TAGS:
        raise RequestError(f"a scan or an image has {MAX_TAGS} tags at most")
    async with database.begin() as connection:
        await change_alone(connection)
        await _exists(connection, marked)
        ids = await _tag_ids(connection, wanted)
        tags = select(named_sets.c.id).where(named_sets.c.kind == "tag")
        await connection.execute(
            delete(set_items).where(_is(set_items, marked), set_items.c.set_id.in_(tags), set_items.c.set_id.not_in(ids))
        )
        for tag in ids:
            last = select(func.coalesce(func.max(set_items.c.position), 0) + 1).where(set_items.c.set_id == tag).scalar_subquery()
            row = {"set_id": tag, "scan_id": marked.scan_id, "sha256": marked.sha256, "found_in": marked.found_in, "position": last}
            await connection.execute(upsert(set_items).values(row).on_conflict_do_nothing())
        await remove_empty_tags(connection)
        return await _read(connection, marked)


async def set_note(database: Database, marked: Marked, note: str) -> TagsAndNote:
    """Replace the note; an empty one removes it. RequestError if it is too long."""
    kept = note_of(note)
    async with database.begin() as connection:
        await change_alone(connection)
        await _exists(connection, marked)
        await connection.execute(delete(notes).where(_is(notes, marked)))
        if kept:
            await connection.execute(insert(notes).values(scan_id=marked.scan_id, sha256=marked.sha256, text=kept))
        return await _read(connection, marked)


async def suggestions(database: Database, begins: str = "", limit: int = SUGGESTED) -> list[Tag]:
    """Tags in alphabetical order; with `begins` those in which a word begins so."""
    counts = (func.count(set_items.c.scan_id), func.count(set_items.c.sha256))
    wanted = (
        select(named_sets.c.id, named_sets.c.name, *counts)
        .join_from(named_sets, set_items, set_items.c.set_id == named_sets.c.id)
        .where(named_sets.c.kind == "tag", named_sets.c.deleted_at.is_(None))
        .group_by(named_sets.c.id)
        .order_by(named_sets.c.key)
        .limit(limit)
    )
    if begins:
        wanted = wanted.where((" " + named_sets.c.key).contains(" " + key_of(begins), autoescape=True))
    async with database.begin() as connection:
        return [Tag(*row) for row in await connection.execute(wanted)]


async def tag_id(database: Database, name: str) -> UUID | None:
    """The id of the tag of this name; None if nothing carries it."""
    async with database.begin() as connection:
        found: UUID | None = await connection.scalar(_of_name(name))
    return found


def scans_tagged(name: str) -> CompoundSelect[tuple[UUID]]:
    """Ids of scans that carry this tag, or have an image that does."""
    items = set_items.c.set_id.in_(_of_name(name))
    return union(
        select(set_items.c.scan_id).where(items, set_items.c.scan_id.is_not(None)),
        select(scan_images.c.scan_id).join(set_items, set_items.c.sha256 == scan_images.c.sha256).where(items),
    )


def _of_name(name: str) -> Select[tuple[UUID]]:
    """The id of the tag of this name."""
    return select(named_sets.c.id).where(
        named_sets.c.kind == "tag", named_sets.c.key == key_of(name), named_sets.c.deleted_at.is_(None)
    )


async def _tag_ids(connection: AsyncConnection, wanted: dict[str, str]) -> list[UUID]:
    """The ids of the tags of these keys; new ones are made. A tag keeps the spelling that it was made with."""
    rows = [{"id": uuid4(), "kind": "tag", "key": key, "name": name} for key, name in wanted.items()]
    if rows:
        made = upsert(named_sets).on_conflict_do_nothing(
            index_elements=["kind", "key"], index_where=named_sets.c.deleted_at.is_(None)
        )
        await connection.execute(made, rows)
    total = await connection.scalar(select(func.count()).where(named_sets.c.kind == "tag"))
    if (total or 0) > MAX_TAG_NAMES:
        raise RequestError(f"there are {MAX_TAG_NAMES} tags at most; use one that there is, or remove one that nobody needs")
    found = select(named_sets.c.id).where(
        named_sets.c.kind == "tag", named_sets.c.key.in_(wanted), named_sets.c.deleted_at.is_(None)
    )
    return list((await connection.execute(found.order_by(named_sets.c.key))).scalars())


async def _exists(connection: AsyncConnection, marked: Marked) -> None:
    if await connection.scalar(_there(marked)) is None:
        raise _missing(marked)


def _there(marked: Marked) -> Select[tuple[Any]]:
    """One row if the scan or image exists."""
    if marked.scan_id is not None:
        return select(scans.c.id).where(scans.c.id == marked.scan_id, scans.c.deleted_at.is_(None))
    return select(images.c.sha256).where(images.c.sha256 == marked.sha256)


def _missing(marked: Marked) -> NotFound:
    return NotFound(f"no scan {marked.scan_id}" if marked.scan_id is not None else f"no image {marked.sha256}")


async def _read(connection: AsyncConnection, marked: Marked) -> TagsAndNote:
    names = tags_of(_is(set_items, marked))
    note = select(notes.c.text).where(_is(notes, marked))
    there = _there(marked).add_columns(names.label("names"), note.scalar_subquery().label("note"))
    row = (await connection.execute(there)).first()
    if row is None:
        raise _missing(marked)
    return TagsAndNote(tuple(row.names or ()), row.note or "")


def _is(table: Table, marked: Marked) -> ColumnElement[bool]:
    """The rows of `table` (set_items or notes) about what is marked."""
    columns = table.c
    found: ColumnElement[bool] = (
        columns.scan_id == marked.scan_id if marked.scan_id is not None else columns.sha256 == marked.sha256
    )
    return found

"""Filters of the history that a person has saved under a name, for everybody who uses this service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Column, Index, Table, Text, Uuid, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.errors import NameTaken, NotFound, RequestError
from server.store.columns import clean, metadata, timestamp
from server.store.database import Database
from server.store.named_sets import change_alone, key_of, name_of

MAX_SAVED_FILTERS = 100  # they are shown side by side above the history
QUERY_CHARS = 8_000  # of an address, its exact page included

saved_filters = Table(
    "saved_filters",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("query", Text, nullable=False),
    timestamp("created_at", nullable=False, default=True),
    Index("ix_saved_filters_key", "key", unique=True),
)


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """`query`: parameters of `GET /`, as in an address."""

    id: UUID
    name: str
    query: str


_SHOWN = (saved_filters.c.id, saved_filters.c.name, saved_filters.c.query)


async def every(database: Database) -> list[SavedFilter]:
    """All saved filters, by name."""
    async with database.begin() as connection:
        rows = (await connection.execute(select(*_SHOWN).order_by(saved_filters.c.key))).mappings()
        return [SavedFilter(**row) for row in rows]


async def save(database: Database, name: str, query: str) -> SavedFilter:
    """Save a filter. NameTaken if there is one of this name; RequestError for a name that is refused, or one filter too many."""
    kept = name_of(name, "filter")
    row = {"id": uuid4(), "name": kept, "key": key_of(kept), "query": clean(query)}
    async with database.begin() as connection:
        await change_alone(connection)
        if (await connection.scalar(select(func.count()).select_from(saved_filters)) or 0) >= MAX_SAVED_FILTERS:
            raise RequestError(f"there are {MAX_SAVED_FILTERS} saved filters at most; delete one that nobody needs")
        return await _changed(connection, kept, insert(saved_filters).values(row).returning(*_SHOWN))


async def rename(database: Database, filter_id: UUID, name: str) -> SavedFilter:
    """Give it another name. NotFound if there is no such filter, NameTaken and RequestError as in `save`."""
    kept = name_of(name, "filter")
    change = update(saved_filters).where(saved_filters.c.id == filter_id).values(name=kept, key=key_of(kept))
    async with database.begin() as connection:
        return await _changed(connection, kept, change.returning(*_SHOWN))


async def remove(database: Database, filter_id: UUID) -> SavedFilter:
    """Delete it and return what it was. NotFound if there is no such filter."""
    async with database.begin() as connection:
        return await _changed(connection, "", delete(saved_filters).where(saved_filters.c.id == filter_id).returning(*_SHOWN))


async def _changed(connection: AsyncConnection, name: str, statement: Any) -> SavedFilter:
    try:
        row = (await connection.execute(statement)).mappings().first()
    except IntegrityError as error:
        raise NameTaken(f'the name "{name}" is taken') from error
    if row is None:
        raise NotFound("there is no such saved filter")
    return SavedFilter(**row)

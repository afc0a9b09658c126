"""The history of scans: filtered, sorted, paged by keyset, so that page 1,000 costs as much as page 1.

Every order has an index that ends in (created_at, id), as has every filter that may match few scans of many (tables.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    RowMapping,
    Select,
    and_,
    func,
    literal,
    select,
    tuple_,
    union_all,
)

from server.contract.errors import NotFound
from server.contract.modalities import MODALITIES, Modality
from server.contract.records import Report, SourceKind, Status
from server.store import scans as scan_store
from server.store.columns import clean
from server.store.counts import counted
from server.store.database import Database
from server.store.filters import SWITCHES, Filters, conditions_for, of_address
from server.store.order import NEWEST_FIRST, Order, decode_cursor, encode_cursor
from server.store.tables import scans

PAGE = 50  # rows of a page unless the caller asks for another number
IN_QUEUE = 50  # of each status; nobody reads a longer queue row by row
AGAIN: tuple[Status, ...] = ("failed", "cancelled")  # can be retried
MOST = 200  # rows of one page at most: more is an export
MOST_EARLIER = 100  # earlier scans of an address that are counted: a page that is watched has thousands


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of history. Counts are over unique images; `previews` are up to six medical ones, surest first.

    `earlier`: earlier scans of the same address, at most MOST_EARLIER.
    """

    id: UUID
    kind: SourceKind
    target: str
    url: str | None
    host: str | None
    title: str | None
    status: Status
    error_code: str | None
    error_message: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    found: int
    unique: int
    medical: int
    uncertain: int
    disagreeing: int
    context_disagreeing: int
    corrected: int
    cached: int
    by_modality: Mapping[Modality, int]
    previews: tuple[str, ...]
    earlier: int


@dataclass(frozen=True, slots=True)
class Page:
    """`next` continues where this page ends; None on the last one."""

    entries: tuple[Entry, ...]
    next: str | None


async def page(
    database: Database,
    filters: Filters | None = None,
    *,
    limit: int = PAGE,
    cursor: str | None = None,
    order: Order = NEWEST_FIRST,
) -> Page:
    """One page of scans. Raises RequestError for a cursor that is not one of ours, or of another order."""
    limit = max(1, min(limit, MOST))
    wanted = page_query(filters or Filters(), limit, cursor, order).add_columns(order.columns[0].label("sorted_by"))
    entries, rows = await _entries(database, wanted, limit)
    if len(rows) <= limit:
        return Page(entries, None)
    last = rows[limit - 1]
    value = () if order.by == "created" else (order.by, last["sorted_by"])
    return Page(entries, encode_cursor(last["created_at"], last["id"], *value))


async def among(database: Database, scan_ids: Collection[UUID], filters: Filters | None = None) -> tuple[Entry, ...]:
    """Those of these scans that match the filters, newest first, at most MOST."""
    wanted = page_query(filters or Filters(), MOST, None).where(scans.c.id.in_(scan_ids))
    return (await _entries(database, wanted, MOST))[0]


async def _entries(
    database: Database, wanted: Select[tuple[Any, ...]], limit: int
) -> tuple[tuple[Entry, ...], Sequence[RowMapping]]:
    """Up to `limit` rows, with the counts so far for those that still run; and all rows as they were read."""
    async with database.begin() as connection:
        rows = (await connection.execute(wanted)).mappings().all()
        running = [row["id"] for row in rows if row["status"] == "running"]
        so_far = await counted(connection, running) if running else {}
    return tuple(_entry({**row, **so_far.get(row["id"], {})}) for row in rows[:limit]), rows


async def queue(database: Database, since: datetime) -> tuple[Entry, ...]:
    """Scans that wait or run, and those that failed or were cancelled after `since`; newest first, IN_QUEUE of each at most."""
    return (await _entries(database, queue_query(since), MOST))[0]


def queue_query(since: datetime) -> Select[tuple[Any, ...]]:
    """One short index range per status; a single query over all of them would read every failed scan."""
    each = [
        select(*_SHOWN)
        .where(and_(*conditions_for(Filters(status=status, since=None if status in scan_store.OPEN else since))))
        .order_by(scans.c.created_at.desc(), scans.c.id.desc())
        .limit(IN_QUEUE)
        .subquery()
        .select()
        for status in (*scan_store.OPEN, *AGAIN)
    ]
    found = union_all(*each).subquery()
    return select(found).order_by(found.c.created_at.desc(), found.c.id.desc())


async def last_report(database: Database, url: str) -> Report:
    """The newest finished Report of this normalised address; NotFound when there is none."""
    clean_url = clean(url)
    newest = (
        select(scans.c.id)
        .where(*of_address(scans, clean_url), scans.c.deleted_at.is_(None))
        .where(scans.c.status.in_(("done", "partial")))
        .order_by(scans.c.created_at.desc())
        .limit(1)
    )
    async with database.begin() as connection:
        scan_id = await connection.scalar(newest)
    if scan_id is None:
        raise NotFound("this page was not scanned yet")
    return await scan_store.report(database, scan_id)


def page_query(filters: Filters, limit: int, cursor: str | None, order: Order = NEWEST_FIRST) -> Select[tuple[Any, ...]]:
    """One more row than `limit`, which tells whether there is a next page."""
    conditions, columns = conditions_for(filters), order.columns
    if cursor is not None:
        place, here = tuple_(*columns), tuple_(*(literal(value) for value in decode_cursor(cursor, order)))
        conditions.append(place < here if order.descending else place > here)
    directed = [column.desc() if order.descending else column.asc() for column in columns]
    return select(*_SHOWN).where(and_(*conditions)).order_by(*directed).limit(limit + 1)


_PLAIN = ("id", "kind", "target", "url", "host", "title", "status", "error_code", "error_message", "created_at", "started_at")
_COUNTED = ("finished_at", "found", "medical", "cached", *SWITCHES)
_other = scans.alias("other")
_earlier = (
    select(literal(1))
    .where(*of_address(_other, scans.c.url), _other.c.deleted_at.is_(None))
    .where(tuple_(_other.c.created_at, _other.c.id) < tuple_(scans.c.created_at, scans.c.id))
    .limit(MOST_EARLIER)
    .correlate(scans)
    .subquery()
)
_SHOWN = (
    *(scans.c[name] for name in (*_PLAIN, *_COUNTED, "unique_images", *MODALITIES, "previews")),
    select(func.count()).select_from(_earlier).scalar_subquery().label("earlier"),
)


def _entry(row: Mapping[Any, Any]) -> Entry:
    return Entry(
        **{name: row[name] for name in (*_PLAIN, *_COUNTED)},
        unique=row["unique_images"],
        by_modality={name: row[name] for name in MODALITIES},
        previews=tuple(row["previews"]),
        earlier=row["earlier"],
    )

"""The history of scans: newest first, filtered, paged by keyset, so that page 1,000 costs as much as page 1.

Every filter has an index that ends in (created_at, id), see tables.py.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, any_, func, literal, select, tuple_, union_all

from server.contract.errors import NotFound, RequestError
from server.contract.modalities import MODALITIES, Modality
from server.contract.records import Report, SourceKind, Status
from server.store import scans as scan_store
from server.store.columns import clean
from server.store.counts import counted
from server.store.database import Database
from server.store.tables import scans
from server.store.tags import scans_tagged
from server.store.text_search import matches

PAGE = 50  # rows of a page unless the caller asks for another number
IN_QUEUE = 50  # of each status; nobody reads a longer queue row by row
AGAIN: tuple[Status, ...] = ("failed", "cancelled")  # can be retried
MOST = 200  # rows of one page at most: more is an export


@dataclass(frozen=True, slots=True)
class Filters:
    """Which scans to list; None does not filter. `since` is included, `until` is not.

    `modality`: scans with an image that is, or as a figure contains, this modality.
    `tag`: scans that carry this tag, or have an image that does.
    `q`: words that must all occur in title or address. The three switches select scans with at least one such image.
    """

    q: str | None = None
    modality: Modality | None = None
    status: Status | None = None
    kind: SourceKind | None = None
    since: datetime | None = None
    until: datetime | None = None
    uncertain: bool = False
    disagreeing: bool = False
    context_disagreeing: bool = False
    corrected: bool = False
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of history. Counts are over unique images; `previews` are up to six medical ones, surest first."""

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


@dataclass(frozen=True, slots=True)
class Page:
    """`next` continues where this page ends; None on the last one."""

    entries: tuple[Entry, ...]
    next: str | None


async def page(database: Database, filters: Filters | None = None, *, limit: int = PAGE, cursor: str | None = None) -> Page:
    """Scans newest first. Raises RequestError for a cursor that is not one of ours."""
    limit = max(1, min(limit, MOST))
    entries, more = await _entries(database, page_query(filters or Filters(), limit, cursor), limit)
    return Page(entries, encode_cursor(entries[-1].created_at, entries[-1].id) if more else None)


async def among(database: Database, scan_ids: Collection[UUID], filters: Filters | None = None) -> tuple[Entry, ...]:
    """Those of these scans that match the filters, newest first, at most MOST."""
    wanted = page_query(filters or Filters(), MOST, None).where(scans.c.id.in_(scan_ids))
    return (await _entries(database, wanted, MOST))[0]


async def _entries(database: Database, wanted: Select[tuple[Any, ...]], limit: int) -> tuple[tuple[Entry, ...], bool]:
    """Up to `limit` rows, with the counts so far for those that still run; and whether there are more."""
    async with database.begin() as connection:
        rows = (await connection.execute(wanted)).mappings().all()
        running = [row["id"] for row in rows if row["status"] == "running"]
        so_far = await counted(connection, running) if running else {}
    return tuple(_entry({**row, **so_far.get(row["id"], {})}) for row in rows[:limit]), len(rows) > limit


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
        .where(func.md5(scans.c.url) == func.md5(clean_url), scans.c.url == clean_url, scans.c.deleted_at.is_(None))
        .where(scans.c.status.in_(("done", "partial")))
        .order_by(scans.c.created_at.desc())
        .limit(1)
    )
    async with database.begin() as connection:
        scan_id = await connection.scalar(newest)
    if scan_id is None:
        raise NotFound("this page was not scanned yet")
    return await scan_store.report(database, scan_id)


def page_query(filters: Filters, limit: int, cursor: str | None) -> Select[tuple[Any, ...]]:
    """One more row than `limit`, which tells whether there is a next page."""
    conditions = conditions_for(filters)
    if cursor is not None:
        created_at, scan_id = decode_cursor(cursor)
        conditions.append(tuple_(scans.c.created_at, scans.c.id) < tuple_(literal(created_at), literal(scan_id)))
    return select(*_SHOWN).where(and_(*conditions)).order_by(scans.c.created_at.desc(), scans.c.id.desc()).limit(limit + 1)


def conditions_for(filters: Filters) -> list[ColumnElement[bool]]:
    """The filters as SQL conditions, written like those of the partial indexes, so that Postgres can use them."""
    conditions: list[ColumnElement[bool]] = [scans.c.deleted_at.is_(None)]
    if filters.q and (found := matches(filters.q)) is not None:
        conditions.append(found)
    if filters.modality:
        conditions.append(_literal(filters.modality) == any_(scans.c.modalities))
    conditions += [scans.c[name] > _literal(0) for name in _SWITCHES if getattr(filters, name)]
    if filters.tag:
        conditions.append(scans.c.id.in_(scans_tagged(filters.tag)))
    if filters.status:
        conditions.append(scans.c.status == filters.status)
    if filters.kind:
        conditions.append(scans.c.kind == filters.kind)
    if filters.since:
        conditions.append(scans.c.created_at >= filters.since)
    if filters.until:
        conditions.append(scans.c.created_at < filters.until)
    return conditions


def _literal(value: int | str) -> ColumnElement[Any]:
    """`value` as a literal in the statement: with a parameter the planner could not see that a partial index applies."""
    return literal(value, literal_execute=True)


def encode_cursor(created_at: datetime, scan_id: UUID) -> str:
    return base64.urlsafe_b64encode(json.dumps([created_at.isoformat(), scan_id.hex]).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        when, hexadecimal = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        created_at = datetime.fromisoformat(when)
        if created_at.tzinfo is None:
            raise ValueError("no time zone")
        return created_at, UUID(hexadecimal)
    except (ValueError, TypeError, AttributeError, binascii.Error):
        raise RequestError("this cursor is not one that medlens gave; begin at the first page") from None


_PLAIN = ("id", "kind", "target", "url", "host", "title", "status", "error_code", "error_message", "created_at", "started_at")
_SWITCHES = ("uncertain", "disagreeing", "context_disagreeing", "corrected")
_COUNTED = ("finished_at", "found", "medical", "cached", *_SWITCHES)
_SHOWN = tuple(scans.c[name] for name in (*_PLAIN, *_COUNTED, "unique_images", *MODALITIES, "previews"))


def _entry(row: Mapping[Any, Any]) -> Entry:
    return Entry(
        **{name: row[name] for name in (*_PLAIN, *_COUNTED)},
        unique=row["unique_images"],
        by_modality={name: row[name] for name in MODALITIES},
        previews=tuple(row["previews"]),
    )

"""The events of a scan: a log that can be followed live and resumed after any event's id.

The rows are authoritative; a NOTIFY only says that there are new ones, so that a lost notification delays an event (by POLL_S at
most) and never loses it. Ids of one scan grow in the order in which they become visible, because a writer locks the scan's row.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeAlias
from uuid import UUID

import psycopg
from sqlalchemy import ARRAY, Text, cast, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.errors import DatabaseUnavailable
from server.contract.records import FINISHED
from server.store.columns import clean, clean_json
from server.store.database import Database
from server.store.tables import scan_events, scans

CHANNEL = "medlens_events"
LAST_KIND = "done"
AT_ONCE = 500  # events read in one query; a scan has about two per image
POLL_S = 5.0  # how long a lost notification can hold an event back
RECONNECT_S = 0.5
UNREAD = 1_000  # changes queued for one watcher; beyond that some are dropped, and the next one refreshes what it shows

NewEvent: TypeAlias = tuple[str, Mapping[str, Any]]  # kind and data of an event to be written


@dataclass(frozen=True, slots=True)
class Event:
    """`id` grows within a scan; a client sends it back as Last-Event-ID."""

    id: int
    kind: str
    data: Mapping[str, Any]
    created_at: datetime


async def append(database: Database, scan_id: UUID, kind: str, data: Mapping[str, Any]) -> None:
    """Write one event of a scan; does nothing when the scan was purged."""
    await append_many(database, scan_id, [(kind, data)])


async def append_many(database: Database, scan_id: UUID, events: Sequence[NewEvent]) -> None:
    """Write several events of a scan, in order."""
    async with database.begin() as connection:
        locked = await connection.execute(select(scans.c.id).where(scans.c.id == scan_id).with_for_update(key_share=True))
        if locked.first() is not None:
            await record(connection, scan_id, events)


async def record(connection: AsyncConnection, scan_id: UUID, events: Sequence[NewEvent]) -> None:
    """Write events in a transaction that has written or locked the scan's row."""
    if not events:
        return
    rows = [{"scan_id": scan_id, "kind": clean(kind), "data": clean_json(data)} for kind, data in events]
    await connection.execute(insert(scan_events), rows)
    await connection.execute(select(func.pg_notify(CHANNEL, scan_id.hex)))


async def notify(connection: AsyncConnection, scan_ids: Sequence[UUID]) -> None:
    """Tell every watcher, on commit, that these scans have changed without an event: they were deleted or restored."""
    if scan_ids:
        each = func.unnest(cast([scan_id.hex for scan_id in scan_ids], ARRAY(Text)))
        await connection.execute(select(func.pg_notify(CHANNEL, each)))


async def since(database: Database, scan_id: UUID, after: int = 0) -> list[Event]:
    """The events of a scan after the one with id `after`, at most AT_ONCE."""
    wanted = (
        select(scan_events.c.id, scan_events.c.kind, scan_events.c.data, scan_events.c.created_at)
        .where(scan_events.c.scan_id == scan_id, scan_events.c.id > after)
        .order_by(scan_events.c.id)
        .limit(AT_ONCE)
    )
    async with database.begin() as connection:
        return [Event(*row) for row in await connection.execute(wanted)]


class EventHub:
    """One listening connection shared by all followers in a process. `async with EventHub(database) as hub`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._followers: defaultdict[UUID, set[asyncio.Event]] = defaultdict(set)
        self._watchers: set[asyncio.Queue[UUID]] = set()
        self._listener: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._listener = asyncio.create_task(self._listen(), name="listen for scan events")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._listener:
            self._listener.cancel()
            with suppress(asyncio.CancelledError):
                await self._listener

    async def follow(self, scan_id: UUID, after: int = 0) -> AsyncIterator[Event]:
        """Every event of a scan after `after`, as they come; ends after `done`, or when the scan has ended or was purged."""
        signal = asyncio.Event()
        self._followers[scan_id].add(signal)
        try:
            while True:
                signal.clear()
                ended = await self._ended(scan_id)  # before the read, so that the last events are not missed
                while events := await since(self._database, scan_id, after):
                    for event in events:
                        after = event.id
                        yield event
                        if event.kind == LAST_KIND:
                            return
                if ended:
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(signal.wait(), POLL_S)
        finally:
            self._followers[scan_id].discard(signal)
            if not self._followers[scan_id]:
                del self._followers[scan_id]

    async def changes(self) -> AsyncIterator[UUID]:
        """The ids of scans that got a new event, were deleted or restored, from now on: for a page that shows many scans."""
        queue: asyncio.Queue[UUID] = asyncio.Queue(UNREAD)
        self._watchers.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._watchers.discard(queue)

    async def _ended(self, scan_id: UUID) -> bool:
        async with self._database.begin() as connection:
            row = (await connection.execute(select(scans.c.status).where(scans.c.id == scan_id))).first()
        return row is None or row.status in FINISHED

    async def _listen(self) -> None:
        while True:
            with suppress(psycopg.OperationalError, DatabaseUnavailable):
                async with await psycopg.AsyncConnection.connect(self._database.conninfo, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    for signals in list(self._followers.values()):  # events that came while the connection was down
                        _wake(signals)
                    async for notice in connection.notifies():
                        scan_id = UUID(hex=notice.payload)
                        _wake(self._followers.get(scan_id, ()))
                        for queue in self._watchers:
                            with suppress(asyncio.QueueFull):
                                queue.put_nowait(scan_id)
            await asyncio.sleep(RECONNECT_S)


def _wake(signals: Sequence[asyncio.Event] | set[asyncio.Event]) -> None:
    for signal in signals:
        signal.set()

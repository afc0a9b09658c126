"""The rows of one page of the history as they change, as server-sent events.

A stream begins with the page as it is now, so a client that was cut off misses nothing when it resumes. Changes are collected for a
moment: a scan of five hundred images sends a few rows, not five hundred.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from uuid import UUID

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from server.contract.errors import RequestError
from server.store import history as kept
from server.store.order import Order, decode_cursor
from server.web.api.events import STREAM, streamed
from server.web.api.history import entry_json, filters_of
from server.web.api.shapes import HistoryQuery
from server.web.http.keys import DATABASE, EVENTS
from server.web.http.operation import Answer, Operation, operation, query_of

# Seconds for which changes are collected; more frequent updates would flicker.
GATHER_S = 0.4
KINDS = "`scan`: a row as `GET /api/scans` has it; `gone`: `id` of a scan that was deleted or no longer matches"


@operation(
    Operation(
        summary="One page of the history, then each of its rows as it changes, new scans included",
        tag="history",
        access="caller",
        rate="read",
        query=HistoryQuery,
        answers={200: Answer(f"{KINDS}; `: ping` in between", content_type=STREAM)},
        problems=(RequestError,),
    )
)
async def live(request: web.Request) -> web.StreamResponse:
    query = query_of(request, HistoryQuery)
    if query.cursor:
        decode_cursor(query.cursor, Order(query.sort, query.reverse))  # refuses a malformed one before the stream begins
    return await streamed(request, lambda stream: _send(request, stream, query))


async def _send(request: web.Request, stream: EventSourceResponse, query: HistoryQuery) -> None:
    database, filters, order = request.app[DATABASE], filters_of(query), Order(query.sort, query.reverse)
    changed: set[UUID] = set()
    news = asyncio.Event()

    async def gather() -> None:
        async for scan_id in request.app[EVENTS].changes():
            changed.add(scan_id)
            news.set()

    gathering = asyncio.create_task(gather(), name="gather changes")
    await asyncio.sleep(0)  # it listens before the page is read, so no change is missed
    try:
        entries = list((await kept.page(database, filters, limit=query.limit, cursor=query.cursor, order=order)).entries)
        gone: set[UUID] = set()
        while True:
            for entry in entries:
                await stream.send(json.dumps(entry_json(entry), ensure_ascii=False), event="scan")
            for scan_id in gone:
                await stream.send(json.dumps({"id": str(scan_id)}), event="gone")
            await news.wait()
            await asyncio.sleep(GATHER_S)
            news.clear()
            ids = list(changed)
            changed.clear()
            parts = (ids[at : at + kept.MOST] for at in range(0, len(ids), kept.MOST))
            entries = [entry for part in parts for entry in await kept.among(database, part, filters)]
            gone = set(ids) - {entry.id for entry in entries}
    finally:
        gathering.cancel()
        with suppress(asyncio.CancelledError):
            await gathering

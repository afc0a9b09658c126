"""The history as it happens: each scan of a page of history to which something happens, as its row, whoever began it.

A stream begins with the page as it is now, so that one that was cut misses nothing when it is taken up again. Changes are gathered
for a moment: a scan of five hundred images is a few rows, not five hundred. What a row looks like is history.py's.
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
from server.web.api.events import STREAM, streamed
from server.web.api.history import entry_json, filters_of
from server.web.api.shapes import HistoryQuery
from server.web.http.keys import DATABASE, EVENTS
from server.web.http.operation import Answer, Operation, operation, query_of

# Numbers that move oftener than this are a flicker.
GATHER_S = 0.4


@operation(
    Operation(
        summary="One page of the history now, then each of its rows as it changes, new scans included",
        tag="history",
        access="caller",
        rate="read",
        query=HistoryQuery,
        answers={200: Answer("`scan`: a row as `GET /api/scans` has it; `: ping` in between", content_type=STREAM)},
        problems=(RequestError,),
    )
)
async def live(request: web.Request) -> web.StreamResponse:
    query = query_of(request, HistoryQuery)
    if query.cursor:
        kept.decode_cursor(query.cursor)  # a wrong one is refused before the stream begins
    return await streamed(request, lambda stream: _send(request, stream, query))


async def _send(request: web.Request, stream: EventSourceResponse, query: HistoryQuery) -> None:
    database, filters = request.app[DATABASE], filters_of(query)
    changed: set[UUID] = set()
    news = asyncio.Event()

    async def gather() -> None:
        async for scan_id in request.app[EVENTS].changes():
            changed.add(scan_id)
            news.set()

    gathering = asyncio.create_task(gather(), name="gather changes")
    await asyncio.sleep(0)  # it listens before the page is read, so nothing falls in between
    try:
        entries = (await kept.page(database, filters, limit=query.limit, cursor=query.cursor)).entries
        while True:
            for entry in entries:
                await stream.send(json.dumps(entry_json(entry), ensure_ascii=False), event="scan")
            await news.wait()
            await asyncio.sleep(GATHER_S)
            news.clear()
            ids = set(changed)
            changed.clear()
            entries = await kept.among(database, ids, filters)
    finally:
        gathering.cancel()
        with suppress(asyncio.CancelledError):
            await gathering

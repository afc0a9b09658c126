"""The events of a scan as server-sent events: `status`, `found`, `verdict`, `done`. A stream can resume after the id of any event.

The stream ends after `done`. A comment line in between keeps proxies from closing it and detects clients that went away.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeAlias
from uuid import UUID

from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from server.contract.errors import NotFound, RequestError, TooManyRequests
from server.store import scans
from server.store.events import LAST_KIND
from server.web.http.ids import scan_id_of
from server.web.http.keys import DATABASE, EVENTS, METRICS, STREAMS
from server.web.http.operation import Answer, Operation, operation

# Below the 30 s after which common proxies close a silent connection.
HEARTBEAT_S = 15.0
# A client that receives nothing for this long is dropped.
SEND_TIMEOUT_S = 30.0
# Milliseconds that a browser waits before it resumes.
RETRY_MS = 2000
# Streams of this process: each is a task and a socket; one person has a dozen tabs.
MAX_STREAMS = 200
# Seconds that a refused client should wait.
FULL_RETRY_S = 10
STREAM = "text/event-stream"
LARGEST_ID = 2**63 - 1

Send: TypeAlias = Callable[[EventSourceResponse], Coroutine[Any, Any, None]]


def last_event_id(request: web.Request) -> int:
    """The id to resume after; 0: from the beginning. Raises RequestError for a malformed id."""
    text = request.headers.get("Last-Event-ID", "").strip()
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and int(text[:20]) <= LARGEST_ID):
        raise RequestError("Last-Event-ID is not an id of these events")
    return int(text)


@operation(
    Operation(
        summary="A scan's events as they happen, until `done`",
        tag="scans",
        access="caller",
        rate="read",
        headers={"Last-Event-ID": "resume after this event"},
        answers={200: Answer("`status`, `found`, `verdict`, `done`; data is JSON; `: ping` in between", content_type=STREAM)},
        problems=(RequestError,),
    )
)
async def events(request: web.Request) -> web.StreamResponse:
    scan_id, last = scan_id_of(request), last_event_id(request)
    await scans.status_of(request.app[DATABASE], scan_id)  # NotFound before the stream begins
    return await streamed(request, lambda stream: _send(request, stream, scan_id, last))


async def streamed(request: web.Request, send: Send) -> web.StreamResponse:
    """A stream that lasts until `send` returns, the client goes away, or the server stops. Raises TooManyRequests."""
    streams = request.app[STREAMS]
    if len(streams) >= MAX_STREAMS:
        raise TooManyRequests("too many event streams are open", FULL_RETRY_S)
    with request.app[METRICS].streams.track_inprogress():
        async with sse_response(request, ping_interval=HEARTBEAT_S, send_timeout=SEND_TIMEOUT_S) as stream:
            await stream.write(f"retry: {RETRY_MS}\n\n".encode())
            sending = asyncio.create_task(send(stream), name=f"stream {request.path}")
            disconnected = asyncio.create_task(stream.wait())  # returns when a ping finds that the client went away
            streams.add(sending)
            try:
                await asyncio.wait({sending, disconnected}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                streams.discard(sending)
                for task in (sending, disconnected):
                    task.cancel()
                with suppress(asyncio.CancelledError, ConnectionResetError, TimeoutError):
                    await sending
    return stream


async def _send(request: web.Request, stream: EventSourceResponse, scan_id: UUID, last: int) -> None:
    ended = False
    async for event in request.app[EVENTS].follow(scan_id, last):
        await stream.send(json.dumps(event.data, ensure_ascii=False), id=str(event.id), event=event.kind)
        ended = event.kind == LAST_KIND
    if not ended:  # its events were purged, or the scan was deleted
        try:
            status = await scans.status_of(request.app[DATABASE], scan_id)
        except NotFound:
            status = "cancelled"
        await stream.send(json.dumps({"status": status}), event=LAST_KIND)

"""One connection of a client: who sends too slowly is cut off, and what is no HTTP is answered in our words, without a traceback.

aiohttp answers a malformed request below the application, where no middleware is, names its own version there, and waits for a
request's head for as long as the other side likes. `Runner` is its AppRunner with these two mended.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from server.contract.errors import RequestError
from server.web.http.hosts import HEADERS
from server.web.http.problems import HTTP_CODES, PROBLEM_JSON, problem_of

# Without a byte for this long while one is awaited, a sender is gone; a phone changing its network comes back sooner.
SILENCE_S = 30.0
# Line and headers of a request are a few kilobytes and come in one piece.
HEAD_S = 30.0
# Of a body, in each SILENCE_S: 2 kB/s. Slower ones hold one of the few places for uploads from all others.
LEAST_BYTES = 64 * 1024
# A body of MAX_DOWNLOAD_BYTES at 1 Mbit/s takes 14 minutes.
BODY_S = 15 * 60.0
# Between two requests of a browser's open connection.
IDLE_S = 75.0
SWEEP_EVERY_S = 1.0

log = structlog.get_logger(__name__)


class Connection(RequestHandler):
    """aiohttp's connection, with a clock for what the other side owes."""

    __slots__ = ("_body_since", "_count", "_head_since", "_heard", "_opened", "_window")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._opened = self._heard = self._loop.time()
        self._head_since: float | None = self._opened
        self._count = 0  # requests whose head has come
        self._body_since = self._opened
        self._window = (self._opened, 0)  # of a body: since when, and bytes that came

    def data_received(self, data: bytes) -> None:
        now = self._loop.time()
        self._heard = now
        if self._head_since is None and self._waiter is not None:
            self._head_since = now
        began, size = self._window
        self._window = (began, size + len(data))
        super().data_received(data)
        if self._request_count != self._count:
            self._count, self._head_since, self._body_since, self._window = self._request_count, None, now, (now, 0)

    def overdue(self, now: float) -> str | None:
        """What the other side has owed for too long, or None."""
        if self._head_since is not None and self._waiter is not None:
            late = now - self._heard > SILENCE_S or now - self._head_since > HEAD_S
            return "a request's head" if late else None
        request = self._current_request
        if request is None or request.content.is_eof() or self._reading_paused:
            self._window = (now, 0)  # nothing is awaited, or we are the slow ones
            return None
        if now - self._body_since > BODY_S:
            return "the end of a request's body"
        began, size = self._window
        if now - began > SILENCE_S:
            if size < LEAST_BYTES:
                return "a request's body"
            self._window = (now, 0)
        return None

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        if isinstance(exc, ConnectionError):
            raise exc  # the other side went away, or was cut off: there is nobody to answer
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("request failed below the application", exc_info=exc)
        else:  # a scanner's noise or a broken client; the other side's bytes are not repeated
            log.info("a request that is no HTTP", peer=request.remote, why=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        error: BaseException = RequestError("this is not a request of HTTP/1.1") if status in HTTP_CODES else Exception()
        problem = problem_of(error)
        headers = HEADERS | {"Cache-Control": "no-store", "Server": "medlens"}
        answer = web.Response(text=json.dumps(problem), content_type=PROBLEM_JSON, status=problem["status"], headers=headers)
        answer.force_close()
        return answer


class _Server(web.Server):
    """Makes our connections instead of aiohttp's."""

    def __call__(self) -> RequestHandler:
        return Connection(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """An AppRunner whose connections are ours, and looked after."""

    __slots__ = ("_sweeping",)

    def __init__(self, app: web.Application, **options: Any) -> None:
        super().__init__(app, keepalive_timeout=IDLE_S, **options)
        self._sweeping: asyncio.Task[None] | None = None

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _Server
        self._sweeping = asyncio.create_task(_sweep(server), name="look after connections")
        return server

    async def cleanup(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeping
        await super().cleanup()


async def _sweep(server: web.Server) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_EVERY_S)
        now = loop.time()
        for connection in server.connections:
            if isinstance(connection, Connection) and (owed := connection.overdue(now)):
                log.info("a connection was cut off", waited_for=owed)
                connection.force_close()

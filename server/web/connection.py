"""The connections of clients: slow senders are cut off, and malformed requests get a problem as an answer, without a traceback.

aiohttp answers a malformed request below the application, where no middleware runs, names its own version there, and waits for the
head of a request without a limit. `Runner` is its AppRunner with both changed.
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

# A sender that is awaited and sends no byte for this long is cut off; a phone that changes networks resumes sooner.
SILENCE_S = 30.0
# Line and headers of a request are a few kilobytes and come in one piece.
HEAD_S = 30.0
# Least of a body in each SILENCE_S: 2 kB/s. A slower upload would occupy one of the few places for uploads.
LEAST_BYTES = 64 * 1024
# A body of MAX_DOWNLOAD_BYTES at 1 Mbit/s takes 14 minutes.
BODY_S = 15 * 60.0
# Between two requests of a browser's open connection.
IDLE_S = 75.0
SWEEP_EVERY_S = 1.0

log = structlog.get_logger(__name__)


class Connection(RequestHandler):
    """aiohttp's connection, with deadlines for what the client has to send."""

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
        """What the client should have sent by now, or None."""
        if self._head_since is not None and self._waiter is not None:
            late = now - self._heard > SILENCE_S or now - self._head_since > HEAD_S
            return "a request's head" if late else None
        request = self._current_request
        if request is None or request.content.is_eof() or self._reading_paused:
            self._window = (now, 0)  # nothing is awaited, or the service is slower than the client
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
            raise exc  # the client went away, or was cut off: nobody is left to answer
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("request failed below the application", exc_info=exc)
        else:  # a port scanner or a broken client; its bytes are not logged
            log.info("malformed request", peer=request.remote, why=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the response has already begun")
        error: BaseException = RequestError("this is not a request of HTTP/1.1") if status in HTTP_CODES else Exception()
        problem = problem_of(error)
        headers = HEADERS | {"Cache-Control": "no-store", "Server": "medlens"}
        answer = web.Response(text=json.dumps(problem), content_type=PROBLEM_JSON, status=problem["status"], headers=headers)
        answer.force_close()
        return answer


class _Server(web.Server):
    """Creates a Connection for each client, instead of aiohttp's RequestHandler."""

    def __call__(self) -> RequestHandler:
        return Connection(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """An AppRunner that uses Connection, and cuts off overdue ones."""

    __slots__ = ("_sweeping",)

    def __init__(self, app: web.Application, **options: Any) -> None:
        super().__init__(app, keepalive_timeout=IDLE_S, **options)
        self._sweeping: asyncio.Task[None] | None = None

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _Server
        self._sweeping = asyncio.create_task(_sweep(server), name="check connections")
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
                log.info("connection cut off", waited_for=owed)
                connection.force_close()

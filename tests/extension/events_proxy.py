"""Stands between the extension and the service and lets everything through but the events, as proxies on the way do.

It may answer that the first heat maps are not made yet, as a worker does that has only begun, and may hold Reports back.
"""

from __future__ import annotations

import asyncio
import re
from typing import Literal, Self

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

# refuse: an error page of its own. cut: a few bytes, then the end. hold: nothing ever comes through.
Mode = Literal["refuse", "cut", "hold"]
HOP = {"Host", "Content-Length", "Transfer-Encoding", "Connection", "Content-Encoding"}


REPORT = re.compile(r"/api/scans/[0-9a-f-]+")


class EventsProxy:
    """`async with EventsProxy(target, mode) as proxy:`; `address` is where it listens, `asked` how often events were asked for.

    `unmade`: how many heat maps are still to be refused. Reports wait for the event `reports`, if set; `waiting`: one does.
    """

    def __init__(self, target: str, mode: Mode, unmade: int = 0) -> None:
        self.address = ""
        self.asked = 0
        self.unmade = unmade
        self.reports: asyncio.Event | None = None
        self.waiting = asyncio.Event()
        self._target, self._mode = target, mode

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._session = ClientSession()
        self._server = TestServer(app, host="127.0.0.1")
        await self._server.start_server(shutdown_timeout=0.2)
        self.address = str(self._server.make_url("")).rstrip("/")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        await self._server.close()

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/events"):
            return await self._events(request)
        if request.path.endswith("/heatmap") and self.unmade:
            self.unmade -= 1
            return web.json_response({"code": "not_made_yet", "detail": "being made", "retry_after": 1}, status=503)
        if self.reports and REPORT.fullmatch(request.path):
            self.waiting.set()
            await self.reports.wait()
        headers = {name: value for name, value in request.headers.items() if name not in HOP}
        async with self._session.request(
            request.method, self._target + request.path_qs, headers=headers, data=await request.read(), allow_redirects=False
        ) as answer:
            kept = {name: value for name, value in answer.headers.items() if name not in HOP}
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    async def _events(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self._mode == "refuse":
            return web.Response(status=502, text="<h1>Bad Gateway</h1>", content_type="text/html")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if self._mode == "cut":
            await response.write(b"retry: 1000\n\n")
        else:
            await asyncio.sleep(3600)
        return response

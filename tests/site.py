"""A small web site on loopback, for tests: pages and pictures drawn on the spot, and every kind of trouble a real site can be.

`async with Site() as site:` serves on a free port. `site.add("/a.html", "<p>hi")` puts a page there, `site.add_handler` a handler
of its own, `site.hits["/a.html"]` counts who came. The paths of TROUBLE are always there.
"""

from __future__ import annotations

import asyncio
import gzip
import io
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Self

from aiohttp import web
from PIL import Image, ImageDraw

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HTML = "text/html; charset=utf-8"
CHUNK = b"x" * 65536


def picture(format: str = "PNG", size: tuple[int, int] = (200, 160), seed: int = 1) -> bytes:
    """An image of many colours, drawn: encoded bytes in Pillow's `format`. Another `seed` gives another image."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    draw = ImageDraw.Draw(image)
    for step in range(12):
        x, y = (seed * 37 + step * 53) % size[0], (seed * 61 + step * 29) % size[1]
        draw.ellipse((x - 20, y - 15, x + 25, y + 30), fill=(seed * 40 % 256, step * 20, 255 - step * 20))
    out = io.BytesIO()
    image.save(out, format)
    return out.getvalue()


def page(*body: str, title: str = "A page") -> str:
    return f"<!doctype html><html><head><title>{title}</title></head><body>{''.join(body)}</body></html>"


class Site:
    """`.url(path)` the address of a path, `.hits` requests by path, `.seen` the last request's headers by path, `.port`."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = 0
        self.hits: Counter[str] = Counter()
        self.seen: dict[str, Mapping[str, str]] = {}
        self._handlers: dict[str, Handler] = dict(TROUBLE)

    def url(self, path: str, host: str | None = None) -> str:
        """`host`: another name or spelling for the same server."""
        return f"http://{host or self.host}:{self.port}{path}"

    def add(
        self, path: str, body: str | bytes, content_type: str = HTML, headers: Mapping[str, str] | None = None, status: int = 200
    ) -> str:
        """Serve `body` at `path` and return its address. An empty `content_type` sends no such header."""
        data = body.encode() if isinstance(body, str) else body
        head = {**({"Content-Type": content_type} if content_type else {}), **(headers or {})}

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.Response(body=data, status=status, headers=head)
            if not content_type:
                response.content_type = ""
            return response

        return self.add_handler(path, answer)

    def add_handler(self, path: str, handler: Handler) -> str:
        self._handlers[path] = handler
        return self.url(path)

    def handler(self, path: str) -> Handler:
        """What answers at a path, to be put at another one too."""
        return self._handlers[path]

    def add_picture(self, path: str, format: str = "PNG", size: tuple[int, int] = (200, 160), seed: int = 1) -> str:
        return self.add(path, picture(format, size, seed), f"image/{format.lower()}")

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        # Handlers that never end must not hold up the end of a test.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2, access_log=None)
        await self._runner.setup()
        server = web.TCPSite(self._runner, self.host, 0)
        await server.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.hits[request.path] += 1
        self.seen[request.path] = request.headers
        handler = self._handlers.get(request.path)
        if handler is None:
            return web.Response(status=404, text=page("nothing here"), content_type="text/html")
        return await handler(request)


async def _slow(request: web.Request) -> web.StreamResponse:
    """Answers after ?s= seconds."""
    await asyncio.sleep(float(request.query.get("s", "30")))
    return web.Response(text=page("late"), content_type="text/html")


async def _stream(request: web.Request, pause: float, chunk: bytes, content_type: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": request.query.get("type", content_type)})
    await response.prepare(request)
    await response.write(b"%PDF-1.7\n")
    while True:
        await response.write(chunk)
        await asyncio.sleep(pause)


async def _endless(request: web.Request) -> web.StreamResponse:
    """A body without end, as fast as it is taken."""
    return await _stream(request, 0, CHUNK, "application/pdf")


async def _drip(request: web.Request) -> web.StreamResponse:
    """A body without end, one byte every 20 ms."""
    return await _stream(request, 0.02, b"x", "application/pdf")


async def _stalled(request: web.Request) -> web.StreamResponse:
    """A few bytes, then nothing more."""
    return await _stream(request, 3600, b"x", "application/pdf")


async def _huge(request: web.Request) -> web.StreamResponse:
    """Says ?bytes= (default 10 GB) in Content-Length, then sends without end."""
    response = web.StreamResponse(headers={"Content-Type": "application/pdf"})
    response.content_length = int(request.query.get("bytes", "10000000000"))
    await response.prepare(request)
    await response.write(b"%PDF-1.7\n")
    while True:
        await response.write(CHUNK)


async def _redirect(request: web.Request) -> web.StreamResponse:
    """To ?to=, with ?status= (default 302)."""
    return web.Response(status=int(request.query.get("status", "302")), headers={"Location": request.query["to"]})


async def _loop(request: web.Request) -> web.StreamResponse:
    turn = int(request.query.get("turn", "0"))
    return web.Response(status=302, headers={"Location": f"/loop?turn={turn + 1}"})


async def _bomb(request: web.Request) -> web.StreamResponse:
    """64 MiB of zeros in a few KiB of gzip."""
    body = gzip.compress(b"%PDF-1.7\n" + bytes(64 << 20))
    return web.Response(body=body, headers={"Content-Type": "application/pdf", "Content-Encoding": "gzip"})


def _raw(answer: bytes) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(answer)
        request.transport.close()
        return web.Response()

    return handler


def _fixed(status: int, body: bytes, content_type: str, **headers: str) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        head = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=body, headers={"Content-Type": content_type, **head})

    return handler


async def _socket(request: web.Request) -> web.StreamResponse:
    """A WebSocket that says back what it hears."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(f"echo {message.data}")
    return socket


PAGE = page("<h1>hello</h1>").encode()
TROUBLE: dict[str, Handler] = {
    "/slow": _slow,
    "/endless": _endless,
    "/drip": _drip,
    "/stalled": _stalled,
    "/huge": _huge,
    "/redirect": _redirect,
    "/loop": _loop,
    "/bomb": _bomb,
    "/socket": _socket,
    "/404": _fixed(404, PAGE, HTML),
    "/500": _fixed(500, PAGE, HTML),
    "/download": _fixed(200, PAGE, "application/octet-stream", Content_Disposition='attachment; filename="page.bin"'),
    "/html.pdf": _fixed(200, PAGE, "application/pdf"),
    "/zip": _fixed(200, b"PK\x03\x04 no images", "application/zip"),
    "/empty": _fixed(200, b"", "application/pdf"),
    # Lies about its length: fewer bytes come than it says.
    "/short": _raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nContent-Length: 1000\r\n\r\n%PDF-1.7\nbut no more"),
    "/garbage": _raw(b"SSH-2.0-this is no web server\r\n"),
    "/hangup": _raw(b""),
}

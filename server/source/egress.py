"""The egress proxy: the only way from the browser to the network. Every connection of a page is checked by the guard here.

Chromium sends `CONNECT host:port` for https and WebSockets, and whole addresses for http. The proxy resolves each host once and
connects to the addresses that were checked, so it also covers redirects, frames and workers that the browser's own interception
misses. TLS is not decrypted. One proxy serves one scan: it counts the scan's bytes and connections, and lists in `refusals` what it
refused or could not reach, because the browser only reports that a tunnel failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass
from typing import Self

import h11

from server.contract.errors import ConnectionFailed, MedlensError, NotAUrl, TimedOut, TooLarge, TooManyRequests
from server.settings import MIB, Settings
from server.source.connection import BrokenConnection, ByteMeter, Connection, splice
from server.source.dial import Streams, dial
from server.source.forward import REFUSED_HEADER, Endpoint, Forwarder, read_authority, read_target
from server.source.guard import Guard

MAX_CONNECTIONS = 256  # at once; Chromium opens 32 for requests to one proxy, WebSockets come on top
MAX_REFUSALS = 1000  # kept for one scan; a page can request any number of forbidden hosts
CONNECTION_DOWNLOADS = 2  # one tunnel carries many files (HTTP/2), so it may receive this many times MAX_DOWNLOAD_BYTES
SCAN_DOWNLOADS = 5  # and a scan this many times: 500 MiB by default, 500 images of 1 MiB
MAX_UPLOAD_BYTES = 16 * MIB  # sent over one connection; viewing a page needs less


@dataclass(frozen=True, slots=True)
class Refusal:
    """A host that was not reached or was cut off, with the `code` of the error (errors.py) and a message for people."""

    host: str
    code: str
    message: str


class EgressProxy:
    """`async with EgressProxy(guard, settings) as proxy:`, then use `proxy.url` as the proxy of the browser's context."""

    def __init__(self, guard: Guard, settings: Settings) -> None:
        self._guard = guard
        self._max_bytes = settings.max_download_bytes
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""
        self.refusals: list[Refusal] = []
        self.received = 0  # bytes from all servers so far

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        await asyncio.sleep(0)  # lets connections that were just accepted start their task
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._listener.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or not self._listener.is_serving():
            writer.transport.abort()
            return
        self._tasks.add(task)
        client = Connection(h11.SERVER, (reader, writer), self._meter("the browser", MAX_UPLOAD_BYTES, download=False))
        try:
            await self._serve_requests(client)
            writer.close()
            await writer.wait_closed()
        except (asyncio.CancelledError, OSError):
            writer.transport.abort()  # the scan is over; in Python 3.11 streams log a cancelled task as an error
        finally:
            self._tasks.discard(task)

    async def _serve_requests(self, client: Connection) -> None:
        """Serve the requests of one browser connection until either side closes it."""
        host = "the browser"

        async def connect(endpoint: Endpoint) -> Connection:
            down = self._meter(endpoint[0], self._max_bytes * SCAN_DOWNLOADS)
            return Connection(h11.CLIENT, await self._dial(endpoint), down)

        forwarder = Forwarder(client, connect, self._max_bytes)
        try:
            while isinstance(request := await client.next(), h11.Request):
                target, host, tunnel = request.target.decode("latin-1"), "the browser", request.method == b"CONNECT"
                endpoint, path = (read_authority(target), b"") if tunnel else read_target(target)
                host = endpoint[0]
                if len(self._tasks) > MAX_CONNECTIONS:
                    raise TooManyRequests(f"{host}: the page has more than {MAX_CONNECTIONS} connections open", 1)
                if tunnel:
                    await self._tunnel(client, endpoint)
                    return
                if not await forwarder.forward(request, endpoint, path):
                    return
                client.state.start_next_cycle()
        except BrokenConnection as broken:
            if broken.connection is not client:
                kind = TimedOut if broken.timed_out else ConnectionFailed
                await self._refuse(client, host, kind(f"{host}: {broken}"))
            elif broken.garbage:
                await self._refuse(client, host, NotAUrl(f"a request that is not HTTP: {broken}"))
        except h11.LocalProtocolError as error:
            await self._refuse(client, host, ConnectionFailed(f"{host}: {error}"))
        except MedlensError as error:
            await self._refuse(client, host, error)
        finally:
            forwarder.close()

    async def _tunnel(self, client: Connection, endpoint: Endpoint) -> None:
        server = await self._dial(endpoint)
        try:
            await client.send(h11.Response(status_code=200, headers=[]))
            early, _ = client.state.trailing_data
            server[1].write(early)
            up = self._meter(endpoint[0], MAX_UPLOAD_BYTES, download=False)
            down = self._meter(endpoint[0], self._max_bytes * CONNECTION_DOWNLOADS)
            await splice((client.reader, client.writer), server, up, down)
        except asyncio.CancelledError:
            server[1].transport.abort()
            raise
        finally:
            server[1].close()

    async def _dial(self, endpoint: Endpoint) -> Streams:
        host, port = endpoint
        return await dial(host, await self._guard.resolve(host, port), port)

    def _meter(self, host: str, limit: int, download: bool = True) -> ByteMeter:
        """A callable that counts the bytes of one direction of one connection and raises TooLarge beyond a limit."""
        total = 0

        def count_bytes(count: int) -> None:
            nonlocal total
            total += count
            if download:
                self.received += count
            if self.received > self._max_bytes * SCAN_DOWNLOADS:
                raise TooLarge(f"{host}: the scan took more than {self._max_bytes * SCAN_DOWNLOADS} bytes in all")
            if total > limit:
                raise TooLarge(f"{host}: more than {limit} bytes over one connection")

        return count_bytes

    async def _refuse(self, client: Connection, host: str, error: MedlensError) -> None:
        """Record the refusal and send it as the response. A response that has started is cut off, so that it looks incomplete."""
        refusal = Refusal(host, error.code, str(error))
        if refusal not in self.refusals and len(self.refusals) < MAX_REFUSALS:
            self.refusals.append(refusal)
        if client.state.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            # Reset instead of close: a plain close can also mean the end of the file.
            client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.writer.transport.abort()
            return
        body = f"medlens: {error}\n".encode()
        headers = [(REFUSED_HEADER, error.code.encode()), (b"Content-Type", b"text/plain; charset=utf-8")]
        headers += [(b"Content-Length", b"%d" % len(body)), (b"Connection", b"close")]
        with contextlib.suppress(BrokenConnection, h11.LocalProtocolError):
            await client.send(h11.Response(status_code=error.status, headers=headers))
            await client.send(h11.Data(data=body))
            await client.send(h11.EndOfMessage())

"""The proxy through which the browser, and nothing else, reaches the network: every hop of a page is checked by the guard.

Chromium sends it `CONNECT host:port` for https and WebSockets and whole addresses for http. It resolves once and dials what was
checked, and can thus see redirect hops, frames and workers that the browser's own interception misses. One proxy serves one scan:
it counts the scan's bytes and connections, and remembers in `refusals` what it refused or could not reach, because the browser only
says that a tunnel failed. It knows nothing of pages, and does not look into TLS.
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
from server.source.dial import Streams, dial
from server.source.forward import REFUSED_HEADER, Endpoint, Forwarder, read_authority, read_target
from server.source.guard import Guard
from server.source.wire import Broken, Spend, Wire, splice

MAX_CONNECTIONS = 256  # at once; Chromium opens 32 for requests to one proxy, WebSockets come on top
MAX_REFUSALS = 1000  # remembered in one scan; a page can ask for any number of forbidden hosts
CONNECTION_DOWNLOADS = 2  # one tunnel carries many files (HTTP/2), so it may bring this many times MAX_DOWNLOAD_BYTES
SCAN_DOWNLOADS = 5  # and a scan this many times: 500 MiB by default, 500 images of 1 MiB
MAX_UPLOAD_BYTES = 16 * MIB  # one connection sends; looking at pages needs less, and a page has nothing of ours to send


@dataclass(frozen=True, slots=True)
class Refusal:
    """A host that was not reached, or cut off: the `code` of the error (errors.py), and what to tell the person."""

    host: str
    code: str
    message: str


class EgressProxy:
    """`async with EgressProxy(guard, settings) as proxy:` then give `proxy.url` to the browser's context."""

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
        await asyncio.sleep(0)  # connections accepted just now start their task
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._listener.wait_closed()

    def refused(self, host: str) -> Refusal | None:
        """The first refusal of this host, if there was one."""
        return next((refusal for refusal in self.refusals if refusal.host == host), None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or not self._listener.is_serving():
            writer.transport.abort()
            return
        self._tasks.add(task)
        client = Wire(h11.SERVER, (reader, writer), self._meter("the browser", MAX_UPLOAD_BYTES, download=False))
        try:
            await self._converse(client)
            writer.close()
            await writer.wait_closed()
        except (asyncio.CancelledError, OSError):
            writer.transport.abort()  # the scan is over; streams of Python 3.11 cannot see their task cancelled
        finally:
            self._tasks.discard(task)

    async def _converse(self, client: Wire) -> None:
        """Serve one connection of the browser until one side ends it."""
        host = "the browser"

        async def connect(endpoint: Endpoint) -> Wire:
            down = self._meter(endpoint[0], self._max_bytes * SCAN_DOWNLOADS)
            return Wire(h11.CLIENT, await self._dial(endpoint), down)

        forwarder = Forwarder(client, connect, self._max_bytes)
        try:
            while isinstance(request := await client.next(), h11.Request):
                target, host, tunnel = request.target.decode("latin-1"), "the browser", request.method == b"CONNECT"
                endpoint, path = (read_authority(target), b"") if tunnel else read_target(target)
                host = endpoint[0]
                if len(self._tasks) > MAX_CONNECTIONS:
                    raise TooManyRequests(f"{host}: the page holds more than {MAX_CONNECTIONS} connections", 1)
                if tunnel:
                    await self._tunnel(client, endpoint)
                    return
                if not await forwarder.carry(request, endpoint, path):
                    return
                client.state.start_next_cycle()
        except Broken as broken:
            if broken.wire is not client:
                kind = TimedOut if broken.timed_out else ConnectionFailed
                await self._refuse(client, host, kind(f"{host}: {broken}"))
            elif broken.garbage:
                await self._refuse(client, host, NotAUrl(f"a request that is no HTTP: {broken}"))
        except h11.LocalProtocolError as error:
            await self._refuse(client, host, ConnectionFailed(f"{host}: {error}"))
        except MedlensError as error:
            await self._refuse(client, host, error)
        finally:
            forwarder.close()

    async def _tunnel(self, client: Wire, endpoint: Endpoint) -> None:
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

    def _meter(self, host: str, limit: int, download: bool = True) -> Spend:
        """Counts the bytes of one direction of one connection; past a limit it raises TooLarge."""
        spent = 0

        def spend(count: int) -> None:
            nonlocal spent
            spent += count
            if download:
                self.received += count
            if self.received > self._max_bytes * SCAN_DOWNLOADS:
                raise TooLarge(f"{host}: the scan took more than {self._max_bytes * SCAN_DOWNLOADS} bytes in all")
            if spent > limit:
                raise TooLarge(f"{host}: more than {limit} bytes over one connection")

        return spend

    async def _refuse(self, client: Wire, host: str, error: MedlensError) -> None:
        """Remember it; say so if nothing was said yet, else cut the connection so that nobody takes the part for the whole."""
        refusal = Refusal(host, error.code, str(error))
        if refusal not in self.refusals and len(self.refusals) < MAX_REFUSALS:
            self.refusals.append(refusal)
        if client.state.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            # Reset, not closed: an end without a reset could be the end of the file.
            client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.writer.transport.abort()
            return
        body = f"medlens: {error}\n".encode()
        headers = [(REFUSED_HEADER, error.code.encode()), (b"Content-Type", b"text/plain; charset=utf-8")]
        headers += [(b"Content-Length", b"%d" % len(body)), (b"Connection", b"close")]
        with contextlib.suppress(Broken, h11.LocalProtocolError):
            await client.send(h11.Response(status_code=error.status, headers=headers))
            await client.send(h11.Data(data=body))
            await client.send(h11.EndOfMessage())

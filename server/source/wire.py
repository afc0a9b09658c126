"""One HTTP/1.1 connection of the proxy: h11 does the parsing, asyncio the bytes, and every wait and every byte is bounded.

h11 refuses what parsers read in two ways (contradicting lengths, bare line feeds in odd places, spaces before colons); the proxy
writes each message anew from what was parsed, so nothing ambiguous is passed on. It does not know what the messages mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import h11

from server.source.dial import Streams

MAX_HEAD_BYTES = 64 * 1024  # one request or response head; servers commonly stop at 8 to 32 KiB
CHUNK_BYTES = 64 * 1024  # one read; what asyncio buffers before it pauses the sender
IDLE_TIMEOUT_S = 60.0  # a connection without a byte for so long holds a socket for nothing; pages end sooner

Spend = Callable[[int], None]
Headers = list[tuple[bytes, bytes]]

# These concern one connection only (RFC 9110, 7.6.1), and are written anew on the next.
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade".split()
)


class Broken(Exception):
    """The other side of `wire` is gone, silent or talks no HTTP. Stays inside the proxy."""

    def __init__(self, wire: Wire, message: str, timed_out: bool = False, garbage: bool = False) -> None:
        super().__init__(message)
        self.wire, self.timed_out, self.garbage = wire, timed_out, garbage


class Wire:
    """`state` is h11's, `reader` and `writer` are the socket's. `spend` is told how many bytes came, and may raise."""

    def __init__(self, role: type[h11.CLIENT] | type[h11.SERVER], streams: Streams, spend: Spend) -> None:
        self.state = h11.Connection(role, max_incomplete_event_size=MAX_HEAD_BYTES)
        self.reader, self.writer = streams
        self._spend = spend

    async def next(self) -> h11.Event | type[h11.PAUSED] | type[h11.NEED_DATA]:
        """The next event of the other side, never NEED_DATA. Raises Broken, or what `spend` raises."""
        try:
            async with asyncio.timeout(IDLE_TIMEOUT_S):
                while (event := self.state.next_event()) is h11.NEED_DATA:
                    if self.state.they_are_waiting_for_100_continue:
                        await self.send(h11.InformationalResponse(status_code=100, headers=[]))
                    data = await self.reader.read(CHUNK_BYTES)
                    self._spend(len(data))
                    self.state.receive_data(data)
        except TimeoutError:
            raise Broken(self, f"nothing came for {IDLE_TIMEOUT_S:g} s", timed_out=True) from None
        except OSError as error:
            raise Broken(self, error.strerror or "the connection broke") from None
        except h11.RemoteProtocolError as error:
            raise Broken(self, str(error), garbage=True) from None
        return event

    async def send(self, event: h11.Event) -> None:
        """Raises Broken when the other side takes nothing, h11.LocalProtocolError when `event` cannot come now."""
        try:
            async with asyncio.timeout(IDLE_TIMEOUT_S):
                self.writer.write(self.state.send(event) or b"")
                await self.writer.drain()
        except TimeoutError:
            raise Broken(self, f"nothing was taken for {IDLE_TIMEOUT_S:g} s", timed_out=True) from None
        except OSError as error:
            raise Broken(self, error.strerror or "the connection broke") from None

    def close(self) -> None:
        self.writer.close()


def end_to_end(headers: Iterable[tuple[bytes, bytes]], drop: frozenset[bytes] = frozenset()) -> Headers:
    """The headers that travel on: all but those of one hop, those that `Connection` names, and `drop` (lower case)."""
    kept = list(headers)
    named = {part.strip().lower() for name, value in kept if name.lower() == b"connection" for part in value.split(b",")}
    # `Connection: content-length` must not take away the framing or the host.
    gone = HOP_BY_HOP | drop | (named - {b"content-length", b"host"})
    if any(name.lower() == b"transfer-encoding" for name, _ in kept):
        gone |= {b"content-length"}  # h11 read the body by its chunks; a length beside them is an attempt to disagree
    return [(name, value) for name, value in kept if name.lower() not in gone]


async def splice(client: Streams, server: Streams, up: Spend, down: Spend) -> None:
    """Returns when both sides have closed, one broke, or neither sent a byte for IDLE_TIMEOUT_S. Raises what a Spend raises."""
    loop = asyncio.get_running_loop()
    pumps: list[asyncio.Task[None]] = []
    try:
        async with asyncio.timeout(IDLE_TIMEOUT_S) as idle:

            def moved() -> None:
                idle.reschedule(loop.time() + IDLE_TIMEOUT_S)

            pumps.append(asyncio.create_task(_pump(client[0], server[1], up, moved)))
            pumps.append(asyncio.create_task(_pump(server[0], client[1], down, moved)))
            await asyncio.gather(*pumps)
    except OSError:  # TimeoutError is one: an idle tunnel ends like a closed one
        return
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, spend: Spend, moved: Callable[[], None]) -> None:
    while data := await reader.read(CHUNK_BYTES):
        spend(len(data))
        writer.write(data)
        await writer.drain()
        moved()
    if writer.can_write_eof():
        writer.write_eof()

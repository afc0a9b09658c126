"""The connections of the egress proxy: HTTP/1.1 parsed by h11, and CONNECT tunnels copied both ways. All waits are bounded.

h11 refuses what parsers disagree on (contradicting lengths, bare line feeds in odd places, spaces before colons), and each message
is rewritten from its parsed form, so nothing ambiguous is passed on. The bytes of a tunnel (TLS, WebSockets) are only counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import h11

from server.source.dial import Streams

MAX_HEAD_BYTES = 64 * 1024  # one request or response head; servers commonly stop at 8 to 32 KiB
CHUNK_BYTES = 64 * 1024  # one read; what asyncio buffers before it pauses the sender
IDLE_TIMEOUT_S = 60.0  # a connection that is silent for this long only occupies a socket; pages finish sooner

ByteMeter = Callable[[int], None]
Headers = list[tuple[bytes, bytes]]

# Headers of one connection only (RFC 9110, 7.6.1); the next connection gets its own.
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade".split()
)


class BrokenConnection(Exception):
    """The peer of `connection` has closed it, sends nothing, or does not speak HTTP. Handled inside the proxy."""

    def __init__(self, connection: Connection, message: str, timed_out: bool = False, garbage: bool = False) -> None:
        super().__init__(message)
        self.connection, self.timed_out, self.garbage = connection, timed_out, garbage


class Connection:
    """An HTTP/1.1 connection: `state` is h11's, `reader` and `writer` are the socket's.

    `meter` is called with the number of bytes received, and may raise.
    """

    def __init__(self, role: type[h11.CLIENT] | type[h11.SERVER], streams: Streams, meter: ByteMeter) -> None:
        self.state = h11.Connection(role, max_incomplete_event_size=MAX_HEAD_BYTES)
        self.reader, self.writer = streams
        self._meter = meter

    async def next(self) -> h11.Event | type[h11.PAUSED] | type[h11.NEED_DATA]:
        """The peer's next event, never NEED_DATA. Raises BrokenConnection, or what `meter` raises."""
        try:
            async with asyncio.timeout(IDLE_TIMEOUT_S):
                while (event := self.state.next_event()) is h11.NEED_DATA:
                    if self.state.they_are_waiting_for_100_continue:
                        await self.send(h11.InformationalResponse(status_code=100, headers=[]))
                    data = await self.reader.read(CHUNK_BYTES)
                    self._meter(len(data))
                    self.state.receive_data(data)
        except TimeoutError:
            raise BrokenConnection(self, f"nothing was received for {IDLE_TIMEOUT_S:g} s", timed_out=True) from None
        except OSError as error:
            raise BrokenConnection(self, error.strerror or "the connection broke") from None
        except h11.RemoteProtocolError as error:
            raise BrokenConnection(self, str(error), garbage=True) from None
        return event

    async def send(self, event: h11.Event) -> None:
        """Send an event. Raises BrokenConnection if the peer accepts nothing, h11.LocalProtocolError if it is not allowed now."""
        try:
            async with asyncio.timeout(IDLE_TIMEOUT_S):
                self.writer.write(self.state.send(event) or b"")
                await self.writer.drain()
        except TimeoutError:
            raise BrokenConnection(self, f"nothing could be sent for {IDLE_TIMEOUT_S:g} s", timed_out=True) from None
        except OSError as error:
            raise BrokenConnection(self, error.strerror or "the connection broke") from None

    def close(self) -> None:
        self.writer.close()


def end_to_end(headers: Iterable[tuple[bytes, bytes]], drop: frozenset[bytes] = frozenset()) -> Headers:
    """The headers to pass on: all except those of one hop, those that `Connection` names, and `drop` (in lower case)."""
    kept = list(headers)
    named = {part.strip().lower() for name, value in kept if name.lower() == b"connection" for part in value.split(b",")}
    # `Connection: content-length` must not take away the framing or the host.
    dropped = HOP_BY_HOP | drop | (named - {b"content-length", b"host"})
    if any(name.lower() == b"transfer-encoding" for name, _ in kept):
        dropped |= {b"content-length"}  # h11 read the body by its chunks; a length as well is an attempt at request smuggling
    return [(name, value) for name, value in kept if name.lower() not in dropped]


async def splice(client: Streams, server: Streams, up: ByteMeter, down: ByteMeter) -> None:
    """Copy bytes in both directions, until both sides have closed, one fails, or nothing is sent for IDLE_TIMEOUT_S.

    When one side closes its direction only, so does the copy.

    Raises what `up` or `down` raises.
    """
    loop = asyncio.get_running_loop()
    pumps: list[asyncio.Task[None]] = []
    try:
        async with asyncio.timeout(IDLE_TIMEOUT_S) as idle:

            def reset_timeout() -> None:
                idle.reschedule(loop.time() + IDLE_TIMEOUT_S)

            pumps.append(asyncio.create_task(_pump(client[0], server[1], up, reset_timeout)))
            pumps.append(asyncio.create_task(_pump(server[0], client[1], down, reset_timeout)))
            await asyncio.gather(*pumps)
    except OSError:  # TimeoutError is one: an idle tunnel ends like a closed one
        return
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, meter: ByteMeter, moved: Callable[[], None]) -> None:
    while data := await reader.read(CHUNK_BYTES):
        meter(len(data))
        writer.write(data)
        await writer.drain()
        moved()
    if writer.can_write_eof():
        writer.write_eof()

"""Copies bytes both ways between two sockets until both are done: what a CONNECT tunnel does once it stands.

It never looks inside (TLS, or a WebSocket), counts what passes, hands on a half-close, and ends when nothing moves any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from server.source.dial import Streams
from server.source.wire import CHUNK_BYTES, IDLE_TIMEOUT_S, Spend


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

"""Requests with bytes changed, cut out, put in and doubled, and what is answered. Used by fortress.py."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress


def spoilt(sent: bytes, chance: random.Random) -> bytes:
    changed = bytearray(sent)
    for _ in range(chance.choice((1, 1, 2, 5))):
        place = chance.randrange(len(changed))
        match chance.randrange(4):
            case 0:
                changed[place] = chance.randrange(256)
            case 1:
                del changed[place : place + chance.randrange(1, 20)]
            case 2:
                changed[place:place] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9)))
            case _:
                changed[place:place] = changed[: chance.randrange(1, 60)]
    return bytes(changed)


async def say(port: int, sent: bytes) -> bytes:
    """What comes back within half a second; one that waits for the rest of a request says nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with suppress(ConnectionError, TimeoutError):
            writer.write(sent)
            await writer.drain()
            async with asyncio.timeout(0.5):
                return await reader.read()
        return b""
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

"""Sends raw bytes to a server, such as requests with bytes changed: for tests and for benchmarks/fortress.py."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

Address = tuple[str, int]


def mutated(request: bytes, chance: random.Random) -> bytes:
    """`request` with one, two or five changes: a byte replaced, bytes cut out, put in or doubled."""
    changed = bytearray(request)
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


async def say(address: Address, sent: bytes, *, patience_s: float = 20) -> bytes:
    """All that the server at `address` answers until it closes. Raises TimeoutError when that takes longer than `patience_s`."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(sent)
        with suppress(ConnectionError):
            await writer.drain()
        async with asyncio.timeout(patience_s):
            with suppress(ConnectionError):
                return await reader.read()
        return b""
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

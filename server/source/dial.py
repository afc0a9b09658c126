"""Opens a TCP connection to addresses that the guard has checked; never resolves a name."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

import aiohappyeyeballs

from server.contract.errors import ConnectionFailed, TimedOut

CONNECT_TIMEOUT_S = 10.0  # what Chromium's users wait at most before they give up on a host
NEXT_ADDRESS_S = 0.25  # head start of one address over the next, as RFC 8305 recommends

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def dial(host: str, addresses: Sequence[str], port: int) -> Streams:
    """Connect to the first address that answers. `host` is for the message only. Raises ConnectionFailed, TimedOut."""
    candidates: list[tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]] = []
    for address in addresses:
        version = ipaddress.ip_address(address).version
        family, where = (socket.AF_INET, (address, port)) if version == 4 else (socket.AF_INET6, (address, port, 0, 0))
        candidates.append((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where))
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            connected = await aiohappyeyeballs.start_connection(candidates, happy_eyeballs_delay=NEXT_ADDRESS_S)
            return await asyncio.open_connection(sock=connected)
    except TimeoutError:
        raise TimedOut(f"{host} did not take a connection on port {port} within {CONNECT_TIMEOUT_S:g} s") from None
    except OSError as error:
        raise ConnectionFailed(f"{host} takes no connection on port {port}: {error.strerror or error}") from None

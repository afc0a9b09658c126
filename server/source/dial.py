"""Connects to addresses that the guard has checked, without resolving a name again.

`dial` is for the egress proxy, `PinnedResolver` for aiohttp's client: both use exactly the addresses that were checked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

import aiohappyeyeballs
from aiohttp.abc import AbstractResolver, ResolveResult

from server.contract.errors import ConnectionFailed, TimedOut

CONNECT_TIMEOUT_S = 10.0  # after this time, people give up on a host
NEXT_ADDRESS_S = 0.25  # head start of one address over the next, as RFC 8305 recommends

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def dial(host: str, addresses: Sequence[str], port: int) -> Streams:
    """Connect to the first address that answers. `host` appears in error messages only. Raises ConnectionFailed, TimedOut."""
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
        raise TimedOut(f"{host} did not accept a connection on port {port} within {CONNECT_TIMEOUT_S:g} s") from None
    except OSError as error:
        raise ConnectionFailed(f"{host} refuses the connection on port {port}: {error.strerror or error}") from None


class PinnedResolver(AbstractResolver):
    """Resolves only hosts given to `pin`, to the addresses given with them. Call `pin` before each hop."""

    def __init__(self) -> None:
        self._checked: dict[str, Sequence[str]] = {}

    def pin(self, host: str, addresses: Sequence[str]) -> None:
        self._checked[host] = addresses

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """Raises OSError, as aiohttp expects of a resolver, for a host that was not checked."""
        if host not in self._checked:
            raise OSError(f"{host} was not checked")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET if ipaddress.ip_address(address).version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._checked[host]
        ]

    async def close(self) -> None:
        self._checked.clear()

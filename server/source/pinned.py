"""A resolver for aiohttp that never resolves: it only repeats the addresses the guard has checked."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult


class Pinned(AbstractResolver):
    """`pin` before each hop; a host that was not pinned cannot be dialled."""

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
                family=socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._checked[host]
        ]

    async def close(self) -> None:
        self._checked.clear()

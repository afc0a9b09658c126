"""Decides whether a host may be reached, and at which addresses; callers connect to exactly the addresses returned here.

A name is resolved once for each connection. If any of its records is denied, the whole host is refused: a legitimate public host
has no private record, and a name with both is an attempt at DNS rebinding.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

from server.contract.errors import AddressNotAllowed, HostNotFound, TimedOut
from server.settings import Settings
from server.source.networks import BAD_PORTS, denied_by

RESOLVE_TIMEOUT_S = 10.0  # two rounds of the usual 5 s of a stub resolver

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """All addresses of a host, as text, in the order of the system's preference. Raises OSError, UnicodeError."""
    records = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(record[4][0]) for record in records))


class Guard:
    """Checks hosts before every connection. `resolver` replaces DNS in tests."""

    def __init__(self, settings: Settings, resolver: Resolver = system_resolver) -> None:
        self._allow = settings.allow_networks
        self._resolver = resolver

    async def resolve(self, host: str, port: int) -> tuple[str, ...]:
        """The checked addresses of a host, at least one. Raises HostNotFound, AddressNotAllowed, TimedOut."""
        name = host.removeprefix("[").removesuffix("]")
        if port in BAD_PORTS:
            raise AddressNotAllowed(f"port {port} of {host} is not a web server's port")
        try:
            async with asyncio.timeout(RESOLVE_TIMEOUT_S):
                addresses = tuple(await self._resolver(name, port))
        except TimeoutError:
            raise TimedOut(f"no name server answered for {host} within {RESOLVE_TIMEOUT_S:g} s") from None
        except (OSError, ValueError) as error:  # ValueError: not a name (UnicodeError, a null character)
            raise HostNotFound(f"there is no host {host}: {getattr(error, 'strerror', None) or error}") from None
        if not addresses:
            raise HostNotFound(f"{host} has no address")
        for address in addresses:
            if reason := denied_by(address, self._allow):
                what = "it" if address == name else address
                raise AddressNotAllowed(f"{host} may not be reached: {what} is {reason}; MEDLENS_ALLOW_NETWORKS opens a network")
        return addresses

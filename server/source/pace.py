"""Keeps a distance between two scans of the same host, out of courtesy. Knows no address but the host's name."""

from __future__ import annotations

import asyncio
import time


class Pace:
    """One for a worker. `delay_s`: seconds between two turns of one host; 0 never waits."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._next: dict[str, float] = {}  # host -> time from which it may be asked again

    async def turn(self, host: str) -> None:
        """Returns when it is this scan's turn at the host; turns are given in the order of asking."""
        if not self._delay_s:
            return
        now = time.monotonic()
        self._next = {name: when for name, when in self._next.items() if when > now}
        mine = self._next.get(host, now)
        self._next[host] = mine + self._delay_s
        await asyncio.sleep(mine - now)

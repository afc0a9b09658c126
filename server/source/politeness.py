"""Courtesy towards the hosts that are scanned: a delay between two scans of one host, and the rules of its robots.txt (RFC 9309).

Both are off by default, because a person requests one page, as with a browser. Whether a rule of robots.txt is obeyed is for the
caller to decide (MEDLENS_ROBOTS).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from urllib.robotparser import RobotFileParser

from yarl import URL

from server.contract.errors import FetchError

MAX_ROBOTS_BYTES = 500 * 1024  # RFC 9309: a parser reads at least this much
ROBOTS_NAME = "medlens"  # the line `User-agent: medlens` means us
FORBIDS_ALL = b"User-agent: *\nDisallow: /"  # the rules of a host that answers with an error

# Reads the first bytes of a URL: `read(url, max_bytes)` gives the HTTP status and the bytes (Fetcher.read).
Read = Callable[[str, int], Awaitable[tuple[int, bytes]]]


class HostDelay:
    """Spaces the scans of a host in one process; the queue's scans take turns over all workers (server/store/host_turns.py).

    `delay_s`: seconds between two scans of one host; with 0 it never waits.
    """

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._next: dict[str, float] = {}  # host -> time from which it may be scanned again

    async def wait(self, host: str) -> None:
        """Wait until the host may be scanned again. Callers are served in the order in which they called."""
        if not self._delay_s:
            return
        now = time.monotonic()
        self._next = {name: when for name, when in self._next.items() if when > now}
        mine = self._next.get(host, now)
        self._next[host] = mine + self._delay_s
        await asyncio.sleep(mine - now)


async def may_scan(url: str, read: Read) -> bool:
    """False when robots.txt forbids `url`, or the server answers with an error (5xx). Raises RequestError as `read` does.

    A host without rules, or one that does not answer, forbids nothing; the scan itself then reports what is wrong.
    """
    return (await rules_of(robots_txt(url), read)).can_fetch(ROBOTS_NAME, url)


def robots_txt(url: str) -> str:
    """The address of the robots.txt that has the rules for `url`."""
    return str(URL(url, encoded=True).with_path("/robots.txt"))


async def rules_of(robots: str, read: Read) -> RobotFileParser:
    """The rules at the address of a robots.txt. Raises RequestError as `read` does."""
    try:
        status, data = await read(robots, MAX_ROBOTS_BYTES)
    except FetchError:
        status, data = 404, b""  # as for a host without a robots.txt
    if status >= 400:
        data = FORBIDS_ALL if status >= 500 else b""
    rules = RobotFileParser()
    rules.parse(data.decode("utf-8", "replace").splitlines())
    return rules

"""Asks a host's robots.txt whether a page may be scanned, after RFC 9309. Whether the answer counts is the setting's to say.

Off by default: a person asked for one page, as with a browser. The file comes through the same guard as everything else.
"""

from __future__ import annotations

from urllib.robotparser import RobotFileParser

from yarl import URL

from server.contract.errors import FetchError
from server.source.fetch import Fetcher

MAX_ROBOTS_BYTES = 500 * 1024  # RFC 9309: a parser reads at least so much
ROBOTS_NAME = "medlens"  # the line `User-agent: medlens` means us


async def may_scan(url: str, fetcher: Fetcher) -> bool:
    """False when the rules, or a server error in their place, forbid `url`. Raises RequestError as Fetcher.open does.

    A host without rules, or one that does not answer, forbids nothing; the scan itself then says what is wrong with it.
    """
    rules = str(URL(url, encoded=True).with_path("/robots.txt"))
    try:
        status, text = await fetcher.read(rules, MAX_ROBOTS_BYTES)
    except FetchError:
        return True
    if status >= 400:
        return status < 500
    parser = RobotFileParser()
    parser.parse(text.decode("utf-8", "replace").splitlines())
    return parser.can_fetch(ROBOTS_NAME, url)

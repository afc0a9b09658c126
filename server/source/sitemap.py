"""Reads the pages that a site lists in its sitemaps (sitemaps.org): XML, an index of sitemaps, or text; with or without gzip.

Only pages of the sitemap's own host count, as the standard says, and only those that robots.txt allows.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.robotparser import RobotFileParser
from xml.etree.ElementTree import ParseError, XMLParser

from yarl import URL

from server.contract.errors import Damaged, FetchError, HttpStatus, RequestError, TooLarge
from server.source.address import normalise, quoted
from server.source.politeness import ROBOTS_NAME, Read, robots_txt, rules_of

# Bytes of one sitemap, unpacked: the standard allows 50 MB.
MAX_SITEMAP_BYTES = 50 * 1024 * 1024
# Sitemaps read for one site, and the depth of indexes that list indexes: the standard forbids them, but sites have them.
MAX_SITEMAPS, MAX_DEPTH = 50, 3
_GZIP = b"\x1f\x8b"


@dataclass(slots=True)
class Sitemap:
    """Reads the sitemap at `url` and those that it lists. After `pages`, the fields say which addresses were left out, and why."""

    url: str
    read: Read
    other_hosts: int = 0
    disallowed: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    _rules: dict[str, RobotFileParser] = field(default_factory=dict)  # by the address of their robots.txt
    _seen: set[str] = field(default_factory=set)

    async def pages(self, limit: int) -> AsyncIterator[str]:
        """At most `limit` different pages, normalised. Raises what reading the first sitemap raises, Damaged, TooLarge."""
        host, given = URL(normalise(self.url), encoded=True).raw_host, set[str]()
        async for address in self._addresses(normalise(self.url), 0):
            try:
                page = normalise(address)
            except RequestError:
                self.unread.append(address)
                continue
            if URL(page, encoded=True).raw_host != host:
                self.other_hosts += 1
            elif page not in given and len(given) < limit:
                if not await self._may_scan(page):
                    self.disallowed.append(page)
                    continue
                given.add(page)
                yield page
            if len(given) >= limit:
                return

    async def _addresses(self, url: str, depth: int) -> AsyncIterator[str]:
        self._seen.add(url)
        status, data = await self.read(url, MAX_SITEMAP_BYTES + 1)
        if status >= 400:
            raise HttpStatus(f"{quoted(url)} answers with the status {status}", status)
        entries, sitemaps = parsed(data, url)
        for entry in entries:
            yield entry
        for below in sitemaps:
            if below in self._seen:
                continue
            if depth >= MAX_DEPTH or len(self._seen) >= MAX_SITEMAPS:
                self.unread.append(below)
            else:
                try:
                    async for entry in self._addresses(normalise(below), depth + 1):
                        yield entry
                except (FetchError, RequestError, Damaged):  # the other sitemaps of the index may be readable
                    self.unread.append(below)

    async def _may_scan(self, page: str) -> bool:
        """What politeness.may_scan says, with rules that are read and parsed once."""
        robots = robots_txt(page)
        if robots not in self._rules:
            self._rules[robots] = await rules_of(robots, self.read)
        return self._rules[robots].can_fetch(ROBOTS_NAME, page)


def parsed(data: bytes, url: str) -> tuple[list[str], list[str]]:
    """The pages and the further sitemaps that a sitemap lists. Raises Damaged, TooLarge."""
    if data.startswith(_GZIP):
        try:
            data = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, MAX_SITEMAP_BYTES + 1)
        except zlib.error as error:
            raise Damaged(f"{quoted(url)} is packed and broken: {error}") from None
    if len(data) > MAX_SITEMAP_BYTES:
        raise TooLarge(f"{quoted(url)} has more than the {MAX_SITEMAP_BYTES:,} bytes of a sitemap")
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        lines = data.decode("utf-8", "replace").split()
        return [line for line in lines if line.startswith(("http://", "https://"))], []
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise Damaged(f"{quoted(url)} is not a sitemap, but a web page or XML that declares entities")
    try:
        parser = XMLParser()  # noqa: S314 - entities are refused above
        parser.feed(data)
        root = parser.close()
    except (ParseError, ValueError, LookupError) as error:
        raise Damaged(f"{quoted(url)} is broken: {error}") from None
    named: dict[str, list[str]] = {"url": [], "sitemap": []}
    for entry in root:
        kind = entry.tag.rpartition("}")[2]
        if kind in named:
            named[kind] += [(one.text or "").strip() for one in entry if one.tag.rpartition("}")[2] == "loc"]
    return named["url"], named["sitemap"]

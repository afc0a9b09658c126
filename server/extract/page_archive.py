"""The responses of a web archive, from which the browser gets everything that the archive's pages request.

Nothing is loaded from the network: what the archive does not have fails, and its address is kept in `missing`. The bytes lie in a
temporary file without a name, and in memory while they are few.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Self
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Route

from server.contract.extracted import ArchivedResponse
from server.extract.candidate_filter import address
from server.imaging.signature import is_image

# Bytes of responses that are kept in memory; those of larger archives lie in a file.
IN_MEMORY = 32 * 1024 * 1024
MAX_REDIRECTS = 10  # as server/source/fetch.py follows
# Missing addresses whose names are kept; a page can request any number.
MAX_MISSING = 1000


@dataclass(frozen=True, slots=True)
class _Stored:
    offset: int
    size: int
    mime: str
    location: str | None
    is_image: bool


class PageArchive:
    """`with PageArchive() as archive:`. `pages`: addresses of its pages, in order. `missing`: what pages requested and it lacks, by
    address with the kind of resource. `served`: documents that it gave to the browser.
    """

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.missing: dict[str, str] = {}
        self.served: set[str] = set()
        self._stored: dict[str, _Stored] = {}
        self._file: IO[bytes] = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed by __exit__
        self._lock = asyncio.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, response: ArchivedResponse) -> None:
        """Keep a response. Of several for one address the first counts, but a redirect yields to what is no redirect."""
        key = _key(response.url)
        known = self._stored.get(key)
        if known is not None and (known.location is None or response.location is not None):
            return
        offset = self._file.seek(0, 2)
        self._file.write(response.data)
        self._stored[key] = _Stored(offset, len(response.data), response.mime, response.location, is_image(response.data))
        if response.is_page:
            self.pages.append(response.url)

    def has(self, url: str) -> bool:
        return self._find(url) is not None

    def has_image(self, url: str | None) -> bool:
        """Whether the response is an image, which is judged as such, whether a page shows it or not. SVG is none."""
        stored = self._find(url) if url is not None else None
        return stored is not None and stored.is_image

    async def answer(self, route: Route) -> None:
        """Answer a request of a page: with the archive's response, or as failed."""
        request = route.request
        stored = self._find(request.url) if request.method == "GET" else None
        with suppress(PlaywrightError):  # the page may have been closed meanwhile
            if stored is None:
                if len(self.missing) < MAX_MISSING:
                    self.missing.setdefault(address(request.url), request.resource_type)
                await route.abort("failed")
                return
            if request.resource_type == "document":
                self.served.add(_key(request.url))
            async with self._lock:
                data = await asyncio.to_thread(self._read, stored)
            origin = await request.header_value("origin")
            shared = {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"} if origin else {}
            await route.fulfill(status=200, headers={"Content-Type": stored.mime, **shared} if stored.mime else shared, body=data)

    def shown(self, url: str) -> bool:
        """Whether the browser has loaded this document, as a page or as a frame of one."""
        return _key(url) in self.served

    def _find(self, url: str) -> _Stored | None:
        """The response for an address, after its redirects within the archive."""
        for _ in range(MAX_REDIRECTS + 1):
            stored = self._stored.get(_key(url))
            if stored is None or stored.location is None:
                return stored
            url = stored.location
        return None

    def _read(self, stored: _Stored) -> bytes:
        self._file.seek(stored.offset)
        return self._file.read(stored.size)


def _key(url: str) -> str:
    """An address without scheme and fragment: archives have pages of http that browsers request by https."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return f"{parts.netloc.lower()}{parts.path or '/'}?{parts.query}"

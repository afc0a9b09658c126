"""Downloads what a person pointed at, if it is a file; says "page" if it is for the browser. Every hop passes the guard.

Each hop is resolved once and dialled where it was checked. Bytes are counted after decompression, a body that drips or never ends
meets a deadline, and of a page only the first bytes are read: the browser meets the page itself. An error status is a page too,
because a site that refuses a bare client may still answer a browser. Our name in User-Agent is honest, in the form that servers
expect of a browser; no Referer, no cookies between two downloads. It knows no image.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import Message
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePosixPath
from urllib.parse import quote_from_bytes, unquote, urljoin

import aiohttp
from yarl import URL

from server.contract.errors import ConnectionFailed, Damaged, NotAUrl, NotWhatItSays, RedirectLoop, TimedOut, TooLarge, UnknownKind
from server.contract.records import SourceKind
from server.settings import Settings
from server.source.address import normalise, shown
from server.source.dial import CONNECT_TIMEOUT_S, PinnedResolver
from server.source.guard import Guard
from server.source.kind import SNIFF_BYTES, looks_like_page, promised, sniff
from server.source.politeness import HostDelay

MAX_REDIRECTS = 10  # browsers follow 20; honest chains rarely have more than 4
IDLE_TIMEOUT_S = 20.0  # without a byte, head included
MIN_BYTES_PER_S = 256 * 1024  # a body may go on after PAGE_TIMEOUT_S as long as it comes at this rate
MAX_FILENAME = 120  # characters of a name that are kept to show
READ_BYTES = 64 * 1024
INFLATE_BYTES = 256 * 1024  # decompressed bytes handed out at a time, so that a few kilobytes never become gigabytes in memory
REDIRECTS = frozenset((301, 302, 303, 307, 308))
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
TEXT_TYPES = ("text/", "application/xhtml+xml", "application/xml", "image/svg+xml")

try:
    VERSION = version("medlens")
except PackageNotFoundError:  # run from a checkout that was not installed
    VERSION = "0"
HEADERS = {
    "User-Agent": f"Mozilla/5.0 (compatible; medlens/{VERSION})",
    "Accept": "text/html,application/xhtml+xml,application/pdf,application/dicom,image/*,*/*;q=0.8",
    "Accept-Encoding": "identity",  # PDFs and images are compressed already, and a bomb needs compression
}


@dataclass(frozen=True, slots=True)
class Probe:
    """What stands at an address. `data`: the whole file, None for a page. `filename`: what the server calls it, to show only."""

    final_url: str
    content_type: str
    filename: str | None
    kind: SourceKind
    status: int
    data: bytes | None = field(default=None, repr=False)


class Fetcher:
    """One for a worker; it holds nothing of a download but `host_delay`, the delay between scans of one host."""

    def __init__(self, guard: Guard, settings: Settings) -> None:
        self.guard, self.settings = guard, settings
        self.host_delay = HostDelay(settings.host_delay_s)
        self._max_bytes = settings.max_download_bytes

    async def open(self, url: str) -> Probe:
        """Follow redirects and read the file. Raises RequestError, FetchError, NotWhatItSays, Damaged as errors.py names them."""
        async with self._arrive(url) as arrival:
            return await self._probe(arrival, url)

    async def read(self, url: str, max_bytes: int) -> tuple[int, bytes]:
        """Status and the first `max_bytes` of a small file such as robots.txt. Raises like `open`."""
        async with self._arrive(url) as arrival:
            return arrival.response.status, (await _take(self._body(arrival), max_bytes))[:max_bytes]

    @asynccontextmanager
    async def _arrive(self, url: str) -> AsyncIterator[_Arrival]:
        """The answer at the end of the redirects, its body not yet read."""
        here, pinned = normalise(url), PinnedResolver()
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=IDLE_TIMEOUT_S)
        connector = aiohttp.TCPConnector(resolver=pinned, use_dns_cache=False)
        try:
            async with (
                asyncio.timeout(self.settings.page_timeout_s) as deadline,
                aiohttp.ClientSession(connector=connector, headers=HEADERS, timeout=timeout, auto_decompress=False) as session,
            ):
                for _ in range(MAX_REDIRECTS + 1):
                    at = URL(here, encoded=True)
                    host = at.raw_host or ""
                    pinned.pin(host, await self.guard.resolve(host, at.port or 0))
                    async with session.get(at, allow_redirects=False) as response:
                        if response.status not in REDIRECTS or "Location" not in response.headers:
                            yield _Arrival(here, response, deadline)
                            return
                        here = _next_hop(here, response.headers["Location"])
                raise RedirectLoop(f"{shown(url)} redirects more than {MAX_REDIRECTS} times")
        except TimeoutError:
            raise TimedOut(f"{shown(here)} did not deliver in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionFailed(f"{shown(here)} did not deliver: {error}") from None

    async def _probe(self, arrival: _Arrival, asked: str) -> Probe:
        response, url = arrival.response, arrival.url
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        disposition = Message()
        disposition["Content-Disposition"] = response.headers.get("Content-Disposition", "inline")
        filename = _plain_name(disposition.get_filename())
        page = Probe(url, content_type, filename, "page", response.status)
        if response.status >= 400:
            return page
        text = content_type.startswith(TEXT_TYPES)
        attachment = disposition.get_content_disposition() == "attachment"
        name = filename or _plain_name(unquote(PurePosixPath(URL(url, encoded=True).raw_path).name))
        body, head = self._body(arrival), b""
        try:
            head = await _take(body, SNIFF_BYTES)
            if not head and content_type and not text:
                raise Damaged(f"{shown(url)} is empty")
            kind = sniff(head, name) if head else "page"
        except (UnknownKind, NotWhatItSays):
            if not text or attachment:
                raise
            kind = "page"
        if kind == "page":
            if "pdf" in content_type or (looks_like_page(head) and any(_names_pdf(one) for one in (asked, url))):
                raise NotWhatItSays(f"{shown(url)} is called a PDF and is a web page; perhaps it asks to sign in")
            if attachment or not (text or not content_type):
                raise UnknownKind(f"{shown(url)} offers a download ({name or content_type}) that is no PDF, image or DICOM file")
            return page
        if (response.content_length or 0) > self._max_bytes:
            raise TooLarge(
                f"{shown(url)} has {response.content_length} bytes, more than MEDLENS_MAX_DOWNLOAD_BYTES ({self._max_bytes})"
            )
        rest = bytearray(head)
        async for piece in body:
            rest += piece
        return Probe(url, content_type, name, kind, response.status, bytes(rest))

    async def _body(self, arrival: _Arrival) -> AsyncIterator[bytes]:
        """The decompressed body in pieces. Raises TooLarge; moves the deadline on while bytes come fast enough."""
        inflate = _Inflate(arrival.response.headers.get("Content-Encoding", "").strip().lower())
        until, received, taken = arrival.deadline.when(), 0, 0
        async for data in arrival.response.content.iter_chunked(READ_BYTES):
            received += len(data)
            if until is not None:
                arrival.deadline.reschedule(until + received / MIN_BYTES_PER_S)
            for piece in inflate.feed(data):
                taken += len(piece)
                if taken > self._max_bytes:
                    raise TooLarge(f"{shown(arrival.url)} goes on after MEDLENS_MAX_DOWNLOAD_BYTES ({self._max_bytes})")
                yield piece


@dataclass(frozen=True, slots=True)
class _Arrival:
    url: str
    response: aiohttp.ClientResponse
    deadline: asyncio.Timeout


class _Inflate:
    """Decompresses gzip and deflate, which some servers send although no compression was asked for.

    `feed(data)` yields the decompressed pieces. Raises NotWhatItSays for another coding, Damaged for broken data.
    """

    def __init__(self, coding: str) -> None:
        self._plain = coding in ("", "identity")
        if not self._plain and coding not in ("gzip", "x-gzip", "deflate"):
            raise NotWhatItSays(f"the server compressed its answer in a way that was not asked for ({coding[:40]})")
        self._deflate = coding == "deflate"
        self._zlib = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # gzip or zlib, told by the header
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._plain:
            yield data
            return
        try:
            yield from self._inflate(data)
        except zlib.error as error:
            raise Damaged(f"the compressed answer is broken: {error}") from None

    def _inflate(self, data: bytes) -> Iterator[bytes]:
        if not self._begun and data:
            self._begun = True
            if self._deflate and data[0] & 0x0F != 8:  # raw deflate, as some servers understand the word
                self._zlib = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        while data and not self._zlib.eof:
            yield self._zlib.decompress(data, INFLATE_BYTES)
            data = self._zlib.unconsumed_tail


async def _take(pieces: AsyncIterator[bytes], enough: int) -> bytes:
    """Pieces until there are `enough` bytes, or the end; the iterator can be read on."""
    taken = bytearray()
    while len(taken) < enough and (piece := await anext(pieces, None)) is not None:
        taken += piece
    return bytes(taken)


def _next_hop(here: str, location: str) -> str:
    """Where a Location header leads, normalised. Raises NotAUrl, SchemeNotAllowed."""
    ascii_only = quote_from_bytes(location.encode("utf-8", "surrogateescape"), safe=_PRINTABLE)
    try:
        return normalise(urljoin(here, ascii_only.strip()))
    except ValueError:
        raise NotAUrl(f"{shown(here)} redirects to {shown(location)}, which is no address") from None


def _names_pdf(url: str) -> bool:
    return promised(URL(normalise(url), encoded=True).path) == "pdf"


def _plain_name(name: str | None) -> str | None:
    """A file name that can be shown: no folders, no control characters, not too long."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    return "".join(sign for sign in last if sign.isprintable()).strip('" ')[-MAX_FILENAME:] or None

"""Downloads the file at an address, or reports that the address is a page, which the browser then opens itself.

Each redirect hop is checked by the guard, resolved once, and connected to at the address that was checked. Bytes are counted after
decompression, and a deadline ends a body that is slow or endless. Of a page only the first bytes are read. An error status counts
as a page, because a site that refuses a plain client may still answer a browser. The User-Agent names medlens in the form that
servers expect of a browser; no Referer is sent, and cookies are not kept between downloads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import Message
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePosixPath
from urllib.parse import quote_from_bytes, unquote, urljoin

import aiohttp
from yarl import URL

from server.contract.errors import (
    ConnectionFailed,
    Damaged,
    NotAUrl,
    NoTls,
    NotWhatItSays,
    RedirectLoop,
    TimedOut,
    TooLarge,
    UnknownKind,
)
from server.contract.records import SourceKind
from server.kinds.page import looks_like_page
from server.kinds.registry import kind_by_name
from server.settings import Settings
from server.source.address import normalise, quoted
from server.source.dial import CONNECT_TIMEOUT_S, PinnedResolver
from server.source.guard import Guard
from server.source.inflate import Inflate
from server.source.kind import SNIFF_BYTES, sniff
from server.source.politeness import HostDelay

MAX_REDIRECTS = 10  # browsers follow 20; honest chains rarely have more than 4
IDLE_TIMEOUT_S = 20.0  # without a byte of the response, its head included
MIN_BYTES_PER_S = 256 * 1024  # a body may take longer than PAGE_TIMEOUT_S as long as it arrives at this rate
MAX_FILENAME = 120  # characters of a name that are kept for display
READ_BYTES = 64 * 1024
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
    """What is at an address. `data`: the whole file, None for a page. `filename`: the server's name for it, for display only."""

    final_url: str
    content_type: str
    filename: str | None
    kind: SourceKind
    status: int
    data: bytes | None = field(default=None, repr=False)


class Fetcher:
    """Downloads files; one for each worker. The only state that it keeps is `host_delay`, the delay between scans of one host."""

    def __init__(self, guard: Guard, settings: Settings) -> None:
        self.guard, self.settings = guard, settings
        self.host_delay = HostDelay(settings.host_delay_s)
        self._max_bytes = settings.max_download_bytes

    async def open(self, url: str, login: tuple[str, str] | None = None) -> Probe:
        """Follow redirects and read the file; `login` is sent to the first host only.

        Raises RequestError and FetchError (with their subclasses in errors.py), NotWhatItSays and Damaged.
        """
        async with self._request(url, login) as response:
            return await self._probe(response, url)

    async def read(self, url: str, max_bytes: int) -> tuple[int, bytes]:
        """Status and the first `max_bytes` of a small file such as robots.txt. Raises what `open` raises."""
        async with self._request(url) as response:
            return response.http.status, (await _take(self._body(response), max_bytes))[:max_bytes]

    @asynccontextmanager
    async def _request(self, url: str, login: tuple[str, str] | None = None) -> AsyncIterator[_Response]:
        """The response at the end of the redirects, its body not yet read."""
        here, pinned = normalise(url), PinnedResolver()
        origin = URL(here, encoded=True).origin()
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
                    own = {"Authorization": aiohttp.encode_basic_auth(*login)} if login and at.origin() == origin else None
                    async with session.get(at, allow_redirects=False, headers=own) as http:
                        if http.status not in REDIRECTS or "Location" not in http.headers:
                            yield _Response(here, http, deadline)
                            return
                        here = _next_hop(here, http.headers["Location"])
                raise RedirectLoop(f"{quoted(url)} redirects more than {MAX_REDIRECTS} times")
        except TimeoutError:
            raise TimedOut(f"{quoted(here)} did not answer in time") from None
        except (aiohttp.ClientConnectorSSLError, aiohttp.ServerDisconnectedError, ConnectionResetError) as error:
            if here.startswith("https:"):
                raise NoTls(f"{quoted(here)} gave no secure connection: {error}") from None
            raise ConnectionFailed(f"{quoted(here)} did not answer: {error}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionFailed(f"{quoted(here)} did not answer: {error}") from None

    async def _probe(self, response: _Response, asked: str) -> Probe:
        http, url = response.http, response.url
        content_type = http.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        disposition = Message()
        disposition["Content-Disposition"] = http.headers.get("Content-Disposition", "inline")
        filename = _plain_name(disposition.get_filename())
        page = Probe(url, content_type, filename, "page", http.status)
        if http.status >= 400:
            return page
        text = content_type.startswith(TEXT_TYPES)
        attachment = disposition.get_content_disposition() == "attachment"
        name = filename or _plain_name(unquote(PurePosixPath(URL(url, encoded=True).raw_path).name))
        body, head = self._body(response), b""
        try:
            head = await _take(body, SNIFF_BYTES)
            if not head and content_type and not text:
                raise Damaged(f"{quoted(url)} is empty")
            kind = sniff(head, name) if head else "page"
        except (UnknownKind, NotWhatItSays):
            if not text or attachment:
                raise
            kind = "page"
        if kind == "page":
            if "pdf" in content_type or (looks_like_page(head) and any(_names_pdf(one) for one in (asked, url))):
                raise NotWhatItSays(f"{quoted(url)} is called a PDF and is a web page; perhaps it asks to sign in")
            if attachment or not (text or not content_type):
                raise UnknownKind(
                    f"{quoted(url)} offers a download ({name or content_type}) that is not a PDF, image or DICOM file"
                )
            return page
        if (http.content_length or 0) > self._max_bytes:
            raise TooLarge(
                f"{quoted(url)} has {http.content_length} bytes, more than MEDLENS_MAX_DOWNLOAD_BYTES ({self._max_bytes})"
            )
        rest = bytearray(head)
        async for piece in body:
            rest += piece
        return Probe(url, content_type, name, kind, http.status, bytes(rest))

    async def _body(self, response: _Response) -> AsyncIterator[bytes]:
        """The decompressed body in pieces. Extends the deadline while bytes arrive fast enough. Raises TooLarge."""
        inflate = Inflate(response.http.headers.get("Content-Encoding", "").strip().lower())
        until, received, taken = response.deadline.when(), 0, 0
        async for data in response.http.content.iter_chunked(READ_BYTES):
            received += len(data)
            if until is not None:
                response.deadline.reschedule(until + received / MIN_BYTES_PER_S)
            for piece in inflate.feed(data):
                taken += len(piece)
                if taken > self._max_bytes:
                    raise TooLarge(f"{quoted(response.url)} has more than MEDLENS_MAX_DOWNLOAD_BYTES ({self._max_bytes}) bytes")
                yield piece


@dataclass(frozen=True, slots=True)
class _Response:
    url: str
    http: aiohttp.ClientResponse
    deadline: asyncio.Timeout


async def _take(pieces: AsyncIterator[bytes], enough: int) -> bytes:
    """Read until there are `enough` bytes, or to the end; more can be read from the iterator afterwards."""
    taken = bytearray()
    while len(taken) < enough and (piece := await anext(pieces, None)) is not None:
        taken += piece
    return bytes(taken)


def _next_hop(here: str, location: str) -> str:
    """The normalised target of a Location header. Raises NotAUrl, SchemeNotAllowed."""
    ascii_only = quote_from_bytes(location.encode("utf-8", "surrogateescape"), safe=_PRINTABLE)
    try:
        return normalise(urljoin(here, ascii_only.strip()))
    except ValueError:
        raise NotAUrl(f"{quoted(here)} redirects to {quoted(location)}, which is not an address") from None


def _names_pdf(url: str) -> bool:
    return kind_by_name(URL(normalise(url), encoded=True).path) == "pdf"


def _plain_name(name: str | None) -> str | None:
    """A file name for display: without folders and control characters, at most MAX_FILENAME characters."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    return "".join(sign for sign in last if sign.isprintable()).strip('" ')[-MAX_FILENAME:] or None

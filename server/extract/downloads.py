"""Files of a page: those that it offers (downloads, embedded PDFs) and those that its viewers show (PDF, DICOM, volumes).

The browser's contexts refuse downloads, so only the addresses of offered files are collected, and the files are fetched later.
Files that a script of the page fetched, as viewers do, are taken from the responses. A frame that fetched a PDF draws its pages on
canvases; the PDF is read instead of these.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from urllib.parse import parse_qsl, urljoin, urlsplit

from playwright.async_api import Download, Page, Request, Response
from playwright.async_api import Error as PlaywrightError

from server.contract.errors import TooLarge
from server.contract.records import Notice
from server.extract.multipart import MULTIPART, parts_of
from server.extract.navigation import NotAPage
from server.extract.responses import media_type

# Offered files that are read of one page: a paper and its supplements. A page with more often has very many.
MAX_FILES = 4
# Files fetched by scripts that are read of one page: a viewer fetches a series slice by slice.
MAX_RECEIVED = 64
# The media type that Chromium shows in a viewer of its own, which is not part of the page.
PDF_TYPE = "application/pdf"
FETCHED_BY_SCRIPT = ("xhr", "fetch")
FILE_TYPES = (PDF_TYPE, MULTIPART, "application/dicom", "application/octet-stream", "binary/octet-stream", "application/gzip", "")
FILE_NAMES = (".pdf", ".dcm", ".dicom", ".ima", ".nii", ".nii.gz", ".nrrd", ".mha")
VOLUME_NAMES = (".nii.gz", ".nrrd", ".mha")
# Parameters of a viewer's address that name the file it shows (pdf.js, the viewers of Google, OJS and others).
VIEWER_PARAMETERS = ("file", "url", "src", "pdf", "doc", "document")
PDF_SEARCH = 1024  # first bytes, in which PDF readers look for the mark


class Downloads:
    """Collects the files of one page. Create it before the page navigates. `viewers`: addresses of frames that show a PDF."""

    def __init__(self, page: Page, max_bytes: int) -> None:
        self.viewers: set[str] = set()
        self._page = page
        self._max_bytes = max_bytes
        self._urls: dict[str, None] = {}
        self._received: dict[str, bytes] = {}
        self._beyond: set[str] = set()
        self._reading: set[asyncio.Task[None]] = set()
        self._replaced = asyncio.Event()
        page.on("download", self._on_download)
        page.on("response", self._on_response)
        page.on("requestfinished", self._on_finished)

    async def wait_or_replaced(self, waiting: Awaitable[object]) -> None:
        """Await `waiting`, but return when a file is loaded instead of the page, whose load event then never comes."""
        wait = asyncio.ensure_future(waiting)
        replaced = asyncio.create_task(self._replaced.wait())
        try:
            await asyncio.wait((wait, replaced), return_when=asyncio.FIRST_COMPLETED)
            if wait.done():
                wait.result()
        finally:
            for task in (wait, replaced):
                task.cancel()
            await asyncio.gather(wait, replaced, return_exceptions=True)

    def add_embedded(self, embedded: Iterable[tuple[str, str]]) -> None:
        """Add the PDFs among a page's frames and objects (address, media type), and those that a viewer's address names."""
        for url, mime in embedded:
            if mime.lower() == PDF_TYPE or _path(url).endswith(".pdf"):
                self._add(url)
            elif url not in self.viewers and (shown := _named_by_viewer(url)):
                self._add(shown)

    async def finish(self) -> Notice | None:
        """Wait for responses that are still being read; return a notice if the page has more files than are read."""
        if self._reading:
            await asyncio.gather(*self._reading, return_exceptions=True)
        if not self.viewers and not self._urls and (shown := _named_by_viewer(self._page.url)):
            self._add(shown)
        if not self._beyond:
            return None
        message = f"{len(self._beyond)} further files of the page are not read"
        return Notice(code=TooLarge.code, message=message, severity="cut")

    def raise_if_any(self) -> None:
        """Raise NotAPage if the page has files."""
        if self._urls or self._received:
            raise NotAPage(*dict.fromkeys((*self._urls, *self._received)), received=self._received)

    def _on_download(self, download: Download) -> None:
        self._add(download.url)
        self._replaced.set()

    def _on_response(self, response: Response) -> None:
        if media_type(response) != PDF_TYPE or not response.request.is_navigation_request():
            return
        self._add(response.url)
        with suppress(PlaywrightError):  # the frame of a new request may not be known yet
            if response.frame == self._page.main_frame:
                self._replaced.set()

    def _on_finished(self, request: Request) -> None:
        if request.resource_type in FETCHED_BY_SCRIPT and request.url.startswith(("http:", "https:")):
            task = asyncio.create_task(self._read(request))
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)

    async def _read(self, request: Request) -> None:
        with suppress(PlaywrightError):  # after a navigation Chromium no longer has it
            response = request.existing_response or await request.response()
            if response is None or response.status not in (200, 206):
                return
            mime, path, url = media_type(response), _path(request.url), request.url.partition("#")[0]
            if mime not in FILE_TYPES and not path.endswith(FILE_NAMES):
                return
            if response.status == 206:  # a viewer that reads a part at a time
                if mime == PDF_TYPE or path.endswith(".pdf"):
                    self.viewers.add(request.frame.url)
                    self._add(url)
                return
            length = response.headers.get("content-length", "")
            if length.isdigit() and int(length) > self._room:
                self._refuse(url, mime, path)
                return
            data = await response.body()
            if mime == MULTIPART:
                self._keep_parts(url, data, response.headers.get("content-type", ""))
                return
            if b"%PDF-" in data[:PDF_SEARCH]:
                self.viewers.add(request.frame.url)
            elif not _is_dicom(data) and data[344:347] not in (b"n+1", b"ni1") and not path.endswith(VOLUME_NAMES):
                return
            self._keep(url, data)

    def _keep_parts(self, url: str, data: bytes, content_type: str) -> None:
        """Keep the DICOM files among the parts of a DICOMweb answer, numbered from 1; frames without a file are left."""
        for number, part in enumerate(parts_of(data, content_type), 1):
            if _is_dicom(part):
                self._keep(f"{url}#part={number}", part)

    def _keep(self, url: str, data: bytes) -> None:
        if len(self._received) < MAX_RECEIVED and len(data) <= self._room:
            self._received[url] = data
        else:
            self._beyond.add(url)

    @property
    def _room(self) -> int:
        return self._max_bytes - sum(map(len, self._received.values()))

    def _refuse(self, url: str, mime: str, path: str) -> None:
        if mime in (PDF_TYPE, "application/dicom") or path.endswith(FILE_NAMES):
            self._beyond.add(url)

    def _add(self, url: str) -> None:
        if len(self._urls) < MAX_FILES:
            self._urls[url.partition("#")[0]] = None
        elif url not in self._urls:
            self._beyond.add(url)


def _is_dicom(data: bytes) -> bool:
    return data[128:132] == b"DICM"


def _path(url: str) -> str:
    return urlsplit(url).path.lower()


def _named_by_viewer(url: str) -> str | None:
    """The PDF that the address of a viewer names in a parameter, None if it names none."""
    parts = urlsplit(url)
    for name, value in parse_qsl(parts.query):
        if name.lower() in VIEWER_PARAMETERS and _path(value).endswith(".pdf"):
            shown = urljoin(url, value)
            return shown if shown.startswith(("http:", "https:")) else None
    return None

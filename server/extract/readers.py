"""The extractor of files: each file is read in a child process, which may crash without harm.

The worker modules (server/kinds names one for each kind of file) run in the child and send frames, which become candidates, inner
files, skips and notices here. The frames are: `title`; `page` at the beginning of a page; `image` with its bytes, and with a number
if the parent is to keep them; `again` with the number of a kept image; `whole` if the file itself is the image; `file` with the
name and the bytes of an inner file; `archived` with a response of a web archive; `listed` with names of files beside it; `skip`;
`notice`, with a `severity` unless it is a failure; `end`. Images, files and skips have `page` and `box`, and may have `url` (in a
web archive), `alt`, `tag` (of DICOM), and `texts`: pairs of source and text.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, cast, get_args

from server.contract.errors import DocumentError, ReaderFailed
from server.contract.extracted import ArchivedResponse, Extracted, InnerFile, ListedFiles
from server.contract.extras import ExtraMissing, installed
from server.contract.records import Candidate, NearbyText, Notice, Place, Severity, Skipped, Source, TextSource
from server.extract.candidate_filter import MAX_URL, plain
from server.extract.local_file import opened_for_reader, read_file
from server.kinds.kind import Kind, extension
from server.kinds.registry import BY_NAME
from server.sandbox.child import Child
from server.sandbox.limits import reader_limits
from server.sandbox.protocol import Frame
from server.settings import Settings

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
# The sources of texts that a reader may send with an image.
PAGE_SOURCES: tuple[TextSource, ...] = ("caption", "paragraph", "heading")


def extract_pdf(source: Source, settings: Settings) -> AsyncGenerator[Extracted, None]:
    """Yield title, candidates and skips while the pages are read; an image drawn twice is yielded twice, with the same bytes.

    Places have the page, from 1, and the box in points from the page's top left corner. Attached files come last. Raises
    PasswordProtected, NotWhatItSays, Damaged, or ReaderFailed (a limit ended the child) if nothing at all could be read;
    otherwise a final Notice says what is missing.
    """
    return extract_file(BY_NAME["pdf"], source, settings)


def extract_dicom(source: Source, settings: Settings) -> AsyncGenerator[Extracted, None]:
    """Yield the frames of a DICOM file as PNG, an even sample of many; a place's `page` is the number of the frame, from 1.

    Besides pixels, only two coded values are read: Modality (as `tag` of each place) and BodyPartExamined (in the title, with
    Modality). Names, dates, numbers, descriptions and comments may identify a patient and are not read. Raises NoImage, Damaged,
    ImageTooLarge or ReaderFailed.
    """
    return extract_file(BY_NAME["dicom"], source, settings)


def extract_image(source: Source, settings: Settings) -> AsyncGenerator[Extracted, None]:
    """Yield an image file as one candidate, unchanged; of a TIFF with several pages each page, from 1, as a PNG of its own.

    The decoder samples animations and refuses what is damaged or too large; this raises UnknownKind, and of a TIFF or a file
    that has to be converted Damaged, ImageTooLarge or ReaderFailed.
    """
    return extract_file(BY_NAME["image"], source, settings)


async def extract_file(kind: Kind, source: Source, settings: Settings) -> AsyncGenerator[Extracted, None]:
    """Yield what the file contains while it is read.

    Raises DocumentError if nothing could be read, ExtraMissing if the kind needs an extra that is not installed; later errors are
    Notices.

    MEDLENS_READER_TIMEOUT_S and MEDLENS_READER_MEMORY_MB bound the reading of every kind of file. Only the time spent waiting for
    the child counts.
    """
    if kind.package and not installed(kind.package):
        raise ExtraMissing(kind.package)
    if not kind.by_path and source.data is None and source.path is not None:
        source = replace(source, data=await read_file(source.path))
    if (unread := kind.partly.get(extension(source.title or source.target))) is not None:
        yield Notice(code="partly_read", message=unread, severity="cut")
    if kind.is_whole and source.data and kind.is_whole(source.data):
        yield Candidate(source.data, Place(source.url, kind.place))
        return
    reading = _FileRead(kind, source, settings)
    while True:
        child = await reading.start()
        try:
            async with aclosing(reading.frames_of(child)) as founds:
                async for found in founds:
                    yield found
        except DocumentError as error:
            if reading.nothing:
                raise
            yield Notice(code=error.code, message=str(error))
            return
        finally:
            child.kill()
        if reading.ended and not reading.fatal_pages:
            return
        if reading.ended or reading.page is None or len(reading.fatal_pages) >= kind.restarts or reading.seconds <= 0:
            failure = reading.failure()
            if reading.nothing:
                raise failure
            yield Notice(code="timed_out" if reading.seconds <= 0 else failure.code, message=str(failure))
            return
        reading.fatal_pages.append(reading.page)


class _FileRead:
    """The progress of reading one file, over all children that read it."""

    def __init__(self, kind: Kind, source: Source, settings: Settings) -> None:
        self._kind, self._source, self._settings = kind, source, settings
        self.seconds = settings.reader_timeout_s
        self.fatal_pages: list[int] = []
        self.ended = False
        self.nothing = True
        self.page: int | None = None  # the one being read, from 1

    async def start(self) -> Child:
        """A child that reads the file, which it gets by its descriptor if its library opens paths."""
        limits = reader_limits(self._settings.reader_memory_mb, self._settings.reader_timeout_s)
        if not self._kind.by_path:
            return await Child.start(self._kind.worker, limits)
        with await asyncio.to_thread(opened_for_reader, self._source.path, self._source.data or b"") as file:
            return await Child.start(self._kind.worker, limits, file.fileno())

    def failure(self) -> ReaderFailed:
        if self.seconds <= 0:
            limit = f"{self._settings.reader_timeout_s:g} s (MEDLENS_READER_TIMEOUT_S)"
            return ReaderFailed(f"reading the {self._kind.noun} took longer than {limit}; page {self.page or 1} was its last")
        pages = self.fatal_pages if self.ended or self.page is None else [*self.fatal_pages, self.page]
        where = f" on page {', '.join(map(str, pages))}" if pages else ""
        return ReaderFailed(f"the {self._kind.noun} made its reader fail{where}")

    async def frames_of(self, child: Child) -> AsyncGenerator[Extracted, None]:
        data = b"" if self._kind.by_path else self._source.data or b""
        limits = {
            "max_pixels": self._settings.max_pixels,
            "min_side": self._settings.min_image_side,
            "texts": self._settings.context == "on",
            "name": self._source.title or "",
            **self._kind.limits,
        }
        kept: dict[int, bytes] = {}
        begun = False
        await child.send({"first_page": self.page or 0, **limits}, data)
        while (frame := await self._next(child)) is not None:
            header, _ = frame
            if "page" in header and len(header) == 1:
                self.nothing = self.nothing and not begun
                begun = True
                self.page = int(header["page"])
            elif "end" in header:
                self.ended = True
                return
            elif (found := self._found(frame, data, kept)) is not None:
                counts = not isinstance(found, ListedFiles | ArchivedResponse) and not (
                    isinstance(found, Notice) and found.code is None
                )
                self.nothing = self.nothing and not counts
                yield found

    async def _next(self, child: Child) -> Frame | None:
        """The child's next frame; None if the child died or the time is up."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.seconds):
                return await child.receive()
        except TimeoutError:
            return None
        finally:
            self.seconds -= time.monotonic() - started

    def _found(self, frame: Frame, data: bytes, kept: dict[int, bytes]) -> Extracted | None:
        header, body = frame
        try:
            if "title" in header:
                return Notice(title=str(header["title"])) if header["title"] else None
            if "notice" in header:
                return Notice(code=str(header["notice"]), message=str(header["message"]), severity=_severity(header))
            if "listed" in header or "archived" in header:
                return _archived(header, body) if "archived" in header else _listed(header)
            place = self._place(header)
            if "skip" in header:
                return Skipped(header["skip"], place, str(header["detail"]))
            if "file" in header:
                return InnerFile(plain(str(header["file"]), MAX_URL) or "file", body, place)
            return Candidate(_bytes(header, body, data, kept), place)
        except (KeyError, TypeError, ValueError) as error:
            raise ReaderFailed(f"the reader of the {self._kind.noun} sent an invalid frame") from error

    def _place(self, header: Mapping[str, Any]) -> Place:
        return Place(
            plain(header.get("url"), MAX_URL) or self._source.url,
            self._kind.place,
            header["page"],
            alt=plain(header.get("alt")),
            box=_box(header["box"]),
            tag=header.get("tag"),
            texts=_texts(header.get("texts", ())),
        )


def _listed(header: Mapping[str, Any]) -> ListedFiles:
    return ListedFiles(tuple(plain(str(name), MAX_URL) or "" for name in header["listed"]))


def _archived(header: Mapping[str, Any], body: bytes) -> ArchivedResponse:
    url, location = plain(str(header["archived"]), MAX_URL) or "", header["location"]
    to = plain(str(location), MAX_URL) if location is not None else None
    return ArchivedResponse(url, body, plain(str(header["mime"])) or "", to, bool(header["is_page"]))


def _bytes(header: Mapping[str, Any], body: bytes, data: bytes, kept: dict[int, bytes]) -> bytes:
    """The bytes of an image: those of the whole file, those of an earlier one, or the frame's own."""
    if "whole" in header:
        return data
    if "again" in header:
        return kept[header["again"]]
    if header["image"] is not None:
        kept[header["image"]] = body
    return body


def _severity(header: Mapping[str, Any]) -> Severity:
    severity = header.get("severity", "failure")
    if severity not in SEVERITIES:
        raise ValueError(f"no such severity: {str(severity)[:20]}")
    return cast(Severity, severity)


def _texts(texts: Sequence[Sequence[str]]) -> tuple[NearbyText, ...]:
    """At most one text for each source. All is checked: a child that a hostile file controls may send anything."""
    found: dict[TextSource, str] = {}
    for source, text in texts[: len(PAGE_SOURCES)]:
        if source not in PAGE_SOURCES:
            raise ValueError(f"no such source of text: {source[:20]}")
        if (shown := plain(str(text))) is not None:
            found[source] = shown
    return tuple(NearbyText(source, text) for source, text in found.items())


def _box(box: Any) -> tuple[float, float, float, float] | None:
    if box is None:
        return None
    x, y, width, height = box
    return float(x), float(y), float(width), float(height)

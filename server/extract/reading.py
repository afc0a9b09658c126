"""Reads one file in a child that may die, and turns the child's frames into what travels between the stages.

It watches the child's time, death and new beginning; the format it knows nothing of. Frames a worker may send: `title`, `page` (one
begins), `image` with its bytes (and a number, when the parent shall keep it), `again` (that number), `whole` (the file itself is
the image), `skip`, `notice`, `end`; images and skips say `page`, `box` and, for DICOM, `tag`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from server.contract.errors import DocumentError, ReaderFailed
from server.contract.records import Candidate, Found, Notice, Place, PlaceKind, Skipped, Source
from server.sandbox.child import Child
from server.sandbox.protocol import Frame
from server.settings import Settings

# Processor seconds a child may use beyond the time it is waited for, before the system ends it.
CPU_SLACK_S = 5.0


@dataclass(frozen=True, slots=True)
class Reader:
    """Which worker module reads a kind of file, what its images are called, and how often it starts again behind a fatal page."""

    worker: str
    noun: str
    kind: PlaceKind
    restarts: int = 0


async def read(reader: Reader, source: Source, settings: Settings) -> AsyncGenerator[Found, None]:
    """Yield what the file holds, as it is read. Raises DocumentErrors when nothing at all could be read, else says so in a Notice.

    MEDLENS_PDF_TIMEOUT_S and MEDLENS_PDF_MEMORY_MB bound every kind of file; time counts while waiting for the child, not while
    the caller is busy with what it got.
    """
    walk = _Walk(reader, source, settings)
    while True:
        child = await Child.start(reader.worker, settings.pdf_memory_mb, settings.pdf_timeout_s + CPU_SLACK_S)
        try:
            async with aclosing(walk.through(child)) as founds:
                async for found in founds:
                    yield found
        except DocumentError as error:
            if walk.nothing:
                raise
            yield Notice(code=error.code, message=str(error))
            return
        finally:
            child.kill()
        if walk.ended and not walk.fatal_pages:
            return
        if walk.ended or walk.page is None or len(walk.fatal_pages) >= reader.restarts or walk.seconds <= 0:
            failure = walk.failure()
            if walk.nothing:
                raise failure
            yield Notice(code="timed_out" if walk.seconds <= 0 else failure.code, message=str(failure))
            return
        walk.fatal_pages.append(walk.page)


class _Walk:
    """One file across the children that read it."""

    def __init__(self, reader: Reader, source: Source, settings: Settings) -> None:
        self._reader, self._source, self._settings = reader, source, settings
        self.seconds = settings.pdf_timeout_s
        self.fatal_pages: list[int] = []
        self.ended = False
        self.nothing = True
        self.page: int | None = None  # the one being read, from 1

    def failure(self) -> ReaderFailed:
        if self.seconds <= 0:
            limit = f"{self._settings.pdf_timeout_s:g} s (MEDLENS_PDF_TIMEOUT_S)"
            return ReaderFailed(f"reading the {self._reader.noun} took longer than {limit}; page {self.page or 1} was its last")
        pages = self.fatal_pages if self.ended or self.page is None else [*self.fatal_pages, self.page]
        where = f" on page {', '.join(map(str, pages))}" if pages else ""
        return ReaderFailed(f"the {self._reader.noun} made its reader fail{where}")

    async def through(self, child: Child) -> AsyncGenerator[Found, None]:
        data = self._source.data
        if data is None and self._source.path is not None:
            data = await asyncio.to_thread(self._source.path.read_bytes)
        limits = {"max_pixels": self._settings.max_pixels, "min_side": self._settings.min_image_side}
        kept: dict[int, bytes] = {}
        begun = False
        await child.send({"first_page": self.page or 0, **limits}, data or b"")
        while (frame := await self._next(child)) is not None:
            header, _ = frame
            if "page" in header and len(header) == 1:
                self.nothing = self.nothing and not begun
                begun = True
                self.page = int(header["page"])
            elif "end" in header:
                self.ended = True
                return
            elif (found := self._found(frame, data or b"", kept)) is not None:
                self.nothing = self.nothing and isinstance(found, Notice) and found.code is None
                yield found

    async def _next(self, child: Child) -> Frame | None:
        """The child's next frame; None when it died or its time is up."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.seconds):
                return await child.receive()
        except TimeoutError:
            return None
        finally:
            self.seconds -= time.monotonic() - started

    def _found(self, frame: Frame, data: bytes, kept: dict[int, bytes]) -> Found | None:
        header, body = frame
        try:
            if "title" in header:
                return Notice(title=str(header["title"])) if header["title"] else None
            if "notice" in header:
                return Notice(code=str(header["notice"]), message=str(header["message"]))
            place = Place(self._source.url, self._reader.kind, header["page"], box=_box(header["box"]), tag=header.get("tag"))
            if "skip" in header:
                return Skipped(header["skip"], place, str(header["detail"]))
            if "whole" in header:
                return Candidate(data, place)
            if "again" in header:
                return Candidate(kept[header["again"]], place)
            if header["image"] is not None:
                kept[header["image"]] = body
            return Candidate(body, place)
        except (KeyError, TypeError, ValueError) as error:
            raise ReaderFailed(f"the reader of the {self._reader.noun} sent nonsense") from error


def _box(box: Any) -> tuple[float, float, float, float] | None:
    if box is None:
        return None
    x, y, width, height = box
    return float(x), float(y), float(width), float(height)

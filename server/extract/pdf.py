"""Images of a PDF, page by page, read by a child process that may die without harm.

It watches the child's time and death and turns its frames into what travels between the stages; what a PDF looks like inside it
does not know.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from server.child import Child
from server.child_pipe import Frame
from server.errors import DocumentError, MedlensError, ReaderFailed
from server.records import Candidate, Found, Notice, Place, Skipped, Source
from server.settings import Settings

WORKER = "server.extract.pdf_worker"
# How often reading goes on behind a page that killed the reader. A file that kills it more often is made for that.
RESTARTS = 3


async def extract_pdf(source: Source, settings: Settings) -> AsyncGenerator[Found, None]:
    """Yield title, candidates and refusals as their pages are read; an image drawn twice is yielded twice, with the same bytes.

    Raises PasswordProtected, NotWhatItSays, Damaged, or ReaderFailed (a limit ended the reader) when nothing at all could be
    read; when something could, a last Notice says what is missing. MEDLENS_PDF_TIMEOUT_S counts time spent waiting for the
    reader, not time that the caller takes for what it got.
    """
    walk = _Walk(source, settings)
    while True:
        child = await Child.start(WORKER, settings.pdf_memory_mb, settings.pdf_timeout_s + 5)
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
        if walk.ended or walk.page is None or len(walk.fatal_pages) >= RESTARTS or walk.seconds <= 0:
            failure = walk.failure()
            if walk.nothing:
                raise failure
            yield Notice(code="timed_out" if walk.seconds <= 0 else failure.code, message=str(failure))
            return
        walk.fatal_pages.append(walk.page)


class _Walk:
    """One document across the children that read it."""

    def __init__(self, source: Source, settings: Settings) -> None:
        self._source, self._settings = source, settings
        self.seconds = settings.pdf_timeout_s
        self.fatal_pages: list[int] = []
        self.ended = False
        self.nothing = True
        self.page: int | None = None  # the one being read, from 1

    def failure(self) -> MedlensError:
        if self.seconds <= 0:
            limit = f"{self._settings.pdf_timeout_s:g} s (MEDLENS_PDF_TIMEOUT_S)"
            return ReaderFailed(f"reading the PDF took longer than {limit}; page {self.page or 1} was its last")
        pages = self.fatal_pages if self.ended or self.page is None else [*self.fatal_pages, self.page]
        where = f" on page {', '.join(map(str, pages))}" if pages else ""
        return ReaderFailed(f"the PDF made its reader fail{where}")

    async def through(self, child: Child) -> AsyncGenerator[Found, None]:
        job = {
            "path": None if self._source.data is not None else str(self._source.path),
            "first_page": self.page or 0,
            "max_pixels": self._settings.max_pixels,
            "min_side": self._settings.min_image_side,
        }
        kept: dict[int, bytes] = {}
        begun = False
        await child.send(job, self._source.data or b"")
        while (frame := await self._next(child)) is not None:
            header, _ = frame
            if "page" in header and len(header) == 1:
                self.nothing = self.nothing and not begun
                begun = True
                self.page = int(header["page"])
            elif "end" in header:
                self.ended = True
                return
            elif (found := self._found(frame, kept)) is not None:
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

    def _found(self, frame: Frame, kept: dict[int, bytes]) -> Found | None:
        header, body = frame
        if "title" in header:
            return Notice(title=str(header["title"])) if header["title"] else None
        if "notice" in header:
            return Notice(code=str(header["notice"]), message=str(header["message"]))
        place = Place(self._source.url, "embedded", page=header["page"], box=_box(header["box"]))
        if "skip" in header:
            return Skipped(header["skip"], place, str(header["detail"]))
        if "again" in header:
            return Candidate(kept[header["again"]], place)
        if header["image"] is not None:
            kept[header["image"]] = body
        return Candidate(body, place)


def _box(box: Any) -> tuple[float, float, float, float] | None:
    if box is None:
        return None
    x, y, width, height = box
    return float(x), float(y), float(width), float(height)

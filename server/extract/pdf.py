"""Images of a PDF, page by page, read by a child process that may die without harm. How is in pdf_worker.py and its parts."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from server.contract.records import Found, Source
from server.extract.reading import Reader, read
from server.settings import Settings

# How often reading goes on behind a page that killed the reader. A file that kills it more often is made for that.
RESTARTS = 3
READER = Reader("server.extract.pdf_worker", "PDF", "embedded", RESTARTS)


def extract_pdf(source: Source, settings: Settings) -> AsyncGenerator[Found, None]:
    """Yield title, candidates and refusals as their pages are read; an image drawn twice is yielded twice, with the same bytes.

    Places carry the page, from 1, and the box in points from its top left corner. Raises PasswordProtected, NotWhatItSays,
    Damaged, or ReaderFailed (a limit ended the reader) when nothing at all could be read; when something could, a last Notice
    says what is missing.
    """
    return read(READER, source, settings)

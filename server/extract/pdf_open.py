"""Opens a PDF, or raises the error that says why it cannot be opened. Runs in the PDF child."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pymupdf
from pymupdf import mupdf

from server.contract.errors import Damaged, NotWhatItSays, PasswordProtected

# Bytes at the start and end that are searched for the marks of a PDF, as PDF readers do in practice (the standard says 1024).
HEAD_BYTES = TAIL_BYTES = 2048

# PyMuPDF has no types
_open: Callable[..., Any] = pymupdf.open
_CLOSED = b"\nendstream\nendobj\n"
_MARK, _END = b"%PDF-", b"%%EOF"


def open_pdf(data: bytes) -> Any:
    """Open a PDF. Raises NotWhatItSays, PasswordProtected or Damaged."""
    if not data:
        raise Damaged("the file is empty")
    if _MARK not in data[:HEAD_BYTES]:
        start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        if start == b"<" or b" obj" not in data:
            what = "an HTML page" if start == b"<" else "something else"
            raise NotWhatItSays(f"it is called a PDF and is {what}")
    try:
        try:
            document = _open(stream=data, filetype="pdf")
        except (RuntimeError, ValueError, mupdf.FzErrorBase):  # MuPDF does not repair some files that end inside a stream
            document = _open(stream=data + _CLOSED, filetype="pdf")
    except (RuntimeError, ValueError, mupdf.FzErrorBase) as error:
        raise Damaged("the PDF is broken beyond reading") from error
    if document.needs_pass:
        raise PasswordProtected("the PDF opens only with a password")
    return document


def page_count(document: Any) -> int | None:
    """The number of pages that the page tree states; None if the tree is broken."""
    try:
        return int(document.page_count)
    except (RuntimeError, ValueError, mupdf.FzErrorBase):
        return None


def is_cut(data: bytes) -> bool:
    """Whether the mark at the end of a PDF is missing."""
    return _END not in data[-TAIL_BYTES:]

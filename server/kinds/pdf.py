"""PDF files. Up to 1,024 bytes may precede the mark, such as a program's message in HTML."""

from __future__ import annotations

import re

from server.kinds.kind import HEAD_BYTES, Kind
from server.kinds.page import looks_like_page

SEARCHED = 1024  # bytes of junk before %PDF- that PDF readers tolerate
# How often reading continues after a page that killed its reader. A file with more such pages is an attack.
RESTARTS = 3
# Limits on the files attached to one PDF: on their number (portfolios of a department have some hundred), and on the bytes of all
# of them, which the reader unpacks within MEDLENS_READER_MEMORY_MB.
MAX_ATTACHMENTS, MAX_ATTACHED_BYTES = 500, 128 * 1024 * 1024
# The mark, a comment of binary characters, the first object.
_BEGINS = re.compile(rb"%PDF-\d\.\d[\r\n ]+(?:%[^\r\n]*[\r\n]+)*\d+ \d+ obj[\r\n ]*(?:<<|\[|\d)")


def _matches(head: bytes, _: str) -> bool:
    if head.startswith(b"%PDF-"):
        return True
    if looks_like_page(head):
        # A page that quotes the beginning of a PDF does not match, because HTML writes `<<` as `&lt;&lt;`.
        begins = _BEGINS.search(head[:HEAD_BYTES])
        return begins is not None and begins.start() <= SEARCHED
    return b"%PDF-" in head[:SEARCHED]


KIND = Kind(
    "pdf",
    "PDF",
    "server.extract.pdf_worker",
    "embedded",
    (".pdf",),
    matches=_matches,
    restarts=RESTARTS,
    limits={"max_attachments": MAX_ATTACHMENTS, "max_attached_bytes": MAX_ATTACHED_BYTES},
)

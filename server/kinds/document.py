"""Office documents and electronic books (PPTX, DOCX, XLSX, ODP, ODT, EPUB): ZIPs whose first bytes usually name the format."""

from __future__ import annotations

from server.kinds.kind import Kind, extension
from server.kinds.packed import LIMITS, ZIP, ZIP_HEADER, is_zip

EXTENSIONS = (".pptx", ".docx", ".xlsx", ".ppsx", ".pptm", ".docm", ".odp", ".odt", ".epub")
# The first file of these ZIPs is called `mimetype`, and its uncompressed content directly follows its name.
_TYPES = (b"mimetypeapplication/vnd.oasis.opendocument", b"mimetypeapplication/epub+zip")


def _matches(head: bytes, name: str) -> bool:
    if not is_zip(head):
        return False
    return head[ZIP_HEADER:].startswith(_TYPES) or b"[Content_Types].xml" in head or extension(name) in EXTENSIONS


KIND = Kind(
    "document",
    "document (PPTX, DOCX, ODP, ODT, EPUB)",
    "server.extract.document_worker",
    "embedded",
    EXTENSIONS,
    ((0, ZIP),),
    _matches,
    limits=LIMITS,
)

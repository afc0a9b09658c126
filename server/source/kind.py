"""Tells by the first bytes whether a file is a page, a PDF, an image or DICOM; names are less reliable.

Only formats that server/imaging/decode.py opens count as images. For other files the error says what the file seems to be. The rest
of the file is not checked: it may be broken after the right first bytes.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from server.contract.errors import UnknownKind
from server.contract.records import SourceKind
from server.imaging.signature import is_image

SNIFF_BYTES = 4096  # enough for the comments before an <html>, and four times what PDF readers search for their mark
MAX_FIRST_VALUE = 1024  # bytes; the first element of an old DICOM file is a length or the name of a character set
PDF_SEARCH = 1024  # bytes of junk before %PDF- that readers put up with

# Kinds by file name. Used only to say what a broken file was meant to be, and to recognise old DICOM files without a mark.
EXTENSIONS: dict[str, SourceKind] = {
    **dict.fromkeys((".htm", ".html", ".xhtml", ".svg"), "page"),
    **dict.fromkeys((".dcm", ".dicom", ".ima"), "dicom"),
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff"), "image"),
    ".pdf": "pdf",
}

_OTHERS = (
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\xd0\xcf\x11\xe0", "an office document"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%!PS", "a PostScript file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"OggS", "a sound or video"),
    (b"ID3", "a sound"),
    (b"8BPS", "a Photoshop file"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"\0\0\x01\0", "an icon"),
    (b"\x5c\x01\0\0", "a NIfTI volume"),
)
# Leading white space, XML declaration, comments and doctype, then a tag that begins a page (WHATWG MIME sniffing, and SVG).
_PAGE = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+(?:html|svg)|html|head|body|title|meta|script|style|iframe|table|div|svg|h1|p|br|a|b|font)"
    rb"[\s>/]",
    re.IGNORECASE | re.DOTALL,
)
# The mark, a comment of binary signs, the first object.
_PDF_BEGINS = re.compile(rb"%PDF-\d\.\d[\r\n ]+(?:%[^\r\n]*[\r\n]+)*\d+ \d+ obj[\r\n ]*(?:<<|\[|\d)")


def sniff(data: bytes, name: str | None) -> SourceKind:
    """The kind of a file, from its first SNIFF_BYTES or all of it. `name` helps where DICOM has no mark. Raises UnknownKind."""
    if data[128:132] == b"DICM" or _is_bare_dicom(data, name):
        return "dicom"  # before images: the 128 bytes ahead of the mark may be those of a TIFF, so that both can open it
    if is_image(data):
        return "image"
    if data.startswith(b"%PDF-"):
        return "pdf"
    if looks_like_page(data):
        return "pdf" if _is_pdf_behind_text(data) else "page"
    if b"%PDF-" in data[:PDF_SEARCH]:
        return "pdf"
    raise UnknownKind(
        f"{name or 'this'} is {_other(data)}, not a page, PDF, image (JPEG, PNG, WebP, AVIF, GIF, BMP, TIFF) or DICOM file"
    )


def kind_by_name(name: str | None) -> SourceKind | None:
    """The kind that the file's name stands for, None if it stands for none."""
    return EXTENSIONS.get(PurePosixPath(name or "").suffix.lower())


def looks_like_page(data: bytes) -> bool:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace").encode()
    return bool(_PAGE.match(data.removeprefix(b"\xef\xbb\xbf")[:SNIFF_BYTES]))


def _is_pdf_behind_text(data: bytes) -> bool:
    """Whether what looks like a page is a PDF behind a program's message: within PDF_SEARCH bytes its mark, then its first object.

    A page that shows how a PDF begins cannot hold one: there `<<` is written `&lt;&lt;`.
    """
    begins = _PDF_BEGINS.search(data[:SNIFF_BYTES])
    return begins is not None and begins.start() <= PDF_SEARCH


def _is_bare_dicom(data: bytes, name: str | None) -> bool:
    """Whether the file is DICOM without preamble and mark, as old files are.

    It then begins with an element of group 2 or 8: its tag, then a type of two capitals or a small length.
    """
    little = data[:2] in (b"\x02\0", b"\x08\0") and data[3:4] == b"\0"
    big = data[:3] in (b"\0\x02\0", b"\0\x08\0")
    if len(data) < 8 or not (little or big):
        return False
    explicit = data[4:6].isalpha() and data[4:6].isupper()
    length = int.from_bytes(data[4:8], "little" if little else "big")
    return explicit or (kind_by_name(name) == "dicom" and length <= MAX_FIRST_VALUE)


def _other(data: bytes) -> str:
    if not data:
        return "empty"
    if data[4:8] == b"ftyp":
        return "a HEIC image" if data[8:12] in (b"heic", b"heix", b"mif1", b"heim") else "a video"
    for mark, what in _OTHERS:
        if data.startswith(mark):
            return what
    printable = sum(byte in b"\t\n\r" or byte >= 32 for byte in data[:512])
    return "text" if b"\0" not in data[:512] and printable == len(data[:512]) else "of an unknown kind"

"""Files of a multipart request, read in pieces and counted as they arrive. The first bytes of a file tell its kind.

Nothing is stored before every file has arrived completely.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog
from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from server.contract.errors import RequestError, TooLarge, UnknownKind
from server.contract.records import SourceKind
from server.kinds.page import looks_like_svg
from server.settings import Settings
from server.source.kind import sniff
from server.web.http.limits import MAX_FIELD_BYTES, MAX_FILE_NAME, MAX_FILES
from server.web.http.operation import M, parsed

CHUNK = 256 * 1024
# What aiohttp's form reader raises for a broken form: no boundary; headers with control characters, too long, or too many; an
# unknown encoding; a missing end.
BROKEN = (ValueError, LookupError, AssertionError, RuntimeError, HttpProcessingError, web.RequestPayloadError)
OPTIONS = "options"
MULTIPART = "multipart/form-data"
SHAPE = {
    "type": "object",
    "properties": {
        "options": {"type": "string", "contentMediaType": "application/json", "description": "ScanOptions as JSON"},
        "files": {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "description": "files of every kind that is read",
        },
    },
    "required": ["files"],
}


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Uploaded:
    name: str
    kind: SourceKind
    data: bytes = field(repr=False)


async def read_files(request: web.Request, settings: Settings, shape: type[M]) -> tuple[list[Uploaded], M]:
    """All files of the request, and its options as `shape`.

    Raises TooLarge, UnknownKind, or RequestError if the body is not a form or has no file.
    """
    limit = settings.max_download_bytes
    files: list[Uploaded] = []
    options, left = shape(), limit
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if isinstance(part, MultipartReader):
                raise RequestError("the form contains another form")
            if part.name == OPTIONS and part.filename is None:
                options = parsed(await _read(part, MAX_FIELD_BYTES), shape)
                continue
            if part.filename is None:
                raise RequestError(f"the form field {(part.name or '')[:40]!r} is neither a file nor `{OPTIONS}`")
            if len(files) == MAX_FILES:
                raise TooLarge(f"more than {MAX_FILES} files at once; `medlens scan FOLDER` takes any number")
            name = file_name(part.filename)
            data = await _read(part, left, whole=limit)
            left -= len(data)
            files.append(Uploaded(name, upload_kind(data, name), data))
    except BROKEN as error:
        log.debug("broken form", why=type(error).__name__)
        raise RequestError("the form cannot be read: it has no boundary, or a part of it is broken") from None
    if not files:
        raise RequestError("the form has no file")
    return files, options


def file_name(sent: str) -> str:
    """The name that the client sent, without folders and control characters. It is only shown, never used as a path."""
    last = sent.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return "".join(sign for sign in last if sign.isprintable())[:MAX_FILE_NAME] or "file"


async def _read(part: BodyPartReader, limit: int, whole: int | None = None) -> bytes:
    pieces, size = [], 0
    while piece := await part.read_chunk(CHUNK):
        size += len(piece)
        if size > limit:
            raise TooLarge(_too_large(whole or limit))
        pieces.append(piece)
    return b"".join(pieces)


def _too_large(limit: int) -> str:
    return f"more than {limit:,} bytes; MEDLENS_MAX_DOWNLOAD_BYTES sets the limit"


def upload_kind(data: bytes, name: str) -> SourceKind:
    """The kind of an upload by its first bytes. Raises UnknownKind for a file that is not taken, such as a web page."""
    kind = sniff(data, name)
    if kind == "page" and looks_like_svg(data):
        return "image"
    if kind == "page":
        raise UnknownKind(f"{name} is a web page; pages are scanned by their address")
    return kind

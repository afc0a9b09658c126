"""Takes the parts out of a multipart answer, in which DICOMweb servers send DICOM files."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message

MULTIPART = "multipart/related"
_HEADERS_END = b"\r\n\r\n"


def parts_of(data: bytes, content_type: str) -> Iterator[bytes]:
    """The bodies of the parts (RFC 2046), without their headers; of a part that breaks off nothing is given."""
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_boundary()
    if not boundary:
        return
    mark = b"\r\n--" + boundary.encode("latin-1", "replace")
    at = 0 if data.startswith(mark[2:]) else data.find(mark) + 2
    while data.startswith(mark[2:], at):
        headers_end, end = data.find(_HEADERS_END, at), data.find(mark, at)
        if end < 0 or headers_end < 0:
            return
        if headers_end < end:
            yield data[headers_end + len(_HEADERS_END) : end]
        at = end + 2

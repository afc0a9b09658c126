"""Web archives: WARC, compressed or not, and WACZ."""

from __future__ import annotations

from server.kinds.kind import Kind, extension
from server.kinds.packed import LIMITS, ZIP, gunzipped, is_zip

_WARC = b"WARC/"


def _matches(head: bytes, name: str) -> bool:
    if head.startswith(ZIP):
        return is_zip(head) and (extension(name) == ".wacz" or b"datapackage.json" in head)
    return head.startswith(_WARC) or gunzipped(head).startswith(_WARC)


KIND = Kind(
    "web_archive",
    "web archive (WARC, WACZ)",
    "server.extract.warc_worker",
    "img",
    (".warc", ".wacz"),
    ((0, _WARC), (0, b"\x1f\x8b\x08"), (0, ZIP)),
    _matches,
    limits=LIMITS,
)

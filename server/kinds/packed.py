"""Marks of packed files, and the bounds on size, ratio and number that protect their readers from decompression bombs."""

from __future__ import annotations

import zlib

from server.kinds.kind import HEAD_BYTES

ZIP = b"PK\x03\x04"
MARKS = (
    (0, ZIP),
    (0, b"PK\x05\x06"),  # a ZIP without a file
    (0, b"\x1f\x8b\x08"),  # gzip
    (0, b"\x28\xb5\x2f\xfd"),  # Zstandard
    (4, b"1AY&SY"),  # bzip2
    (0, b"\xfd7zXZ\0"),
    (257, b"ustar"),
)
LIMITS = {
    # Files in one archive; patient CDs have some thousand.
    "max_entries": 10_000,
    # Bytes of one file in an archive, which the reader holds in memory together with the archive.
    "max_entry_bytes": 256 * 1024 * 1024,
    # Bytes of all files of one archive together.
    "max_unpacked_bytes": 2 * 1024 * 1024 * 1024,
    # Unpacked bytes for each packed byte of a file. Images and DICOM reach 20, text 100, a bomb 1,000.
    "max_ratio": 200,
}
ZIP_HEADER = 30  # bytes of the header before the name of a ZIP's first file; a shorter ZIP contains no file


def is_zip(head: bytes) -> bool:
    return head.startswith(ZIP) and len(head) >= ZIP_HEADER


def gunzipped(head: bytes) -> bytes:
    """The first HEAD_BYTES of a gzip file's content, or as many as `head` contains; empty for other files."""
    if not head.startswith(b"\x1f\x8b\x08"):
        return b""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head[:HEAD_BYTES], HEAD_BYTES)
    except zlib.error:
        return b""

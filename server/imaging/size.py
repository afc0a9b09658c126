"""Reads an image's size from its first bytes in pure Python, for processes that must not pass untrusted bytes to C libraries.

Images that are too small are refused before they reach a child process (server/sandbox/). Pillow would pass a WebP or AVIF to a
library written in C to read its size. If this module cannot read it, the child does.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import TypeAlias

Size: TypeAlias = tuple[int, int]  # width and height as stored, pixels

MAX_SEGMENTS = 1000  # of a JPEG before its frame header, or boxes of an AVIF; files of cameras have some dozens
MAX_FIELDS = 1000  # of a TIFF's first directory
_PNG, _GIFS = b"\x89PNG\r\n\x1a\n", (b"GIF87a", b"GIF89a")
_BMP_CORE = 12  # the size of OS/2's header, with sides of two bytes
# Markers of a JPEG's frame headers: 0xC0 to 0xCF without those of Huffman tables and arithmetic conditioning and a reserved one.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a length
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_SHORT, _TIFF_LONG = 256, 257, 3, 4
_AVIF_PATH = (b"meta", b"iprp", b"ipco")  # the boxes around the sizes
_BOX_WITHOUT_HEAD = {b"meta": 4}  # bytes between a box's head and the boxes in it


def size_of(data: bytes) -> Size | None:
    """Width and height of a JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF; None if the first bytes do not contain them."""
    try:
        size = next((read(data) for begins, read in _READERS if begins(data)), None)
    except (struct.error, IndexError):  # cut short
        return None
    return size if size is not None and min(size) > 0 else None


def _png(data: bytes) -> Size | None:
    return struct.unpack_from(">II", data, 16) if data[12:16] == b"IHDR" else None


def _gif(data: bytes) -> Size:
    return struct.unpack_from("<HH", data, 6)


def _bmp(data: bytes) -> Size:
    if struct.unpack_from("<I", data, 14)[0] == _BMP_CORE:
        return struct.unpack_from("<HH", data, 18)
    width, height = struct.unpack_from("<ii", data, 18)
    return width, abs(height)  # negative: rows are stored from the top


def _jpeg(data: bytes) -> Size | None:
    at = 2
    for _ in range(MAX_SEGMENTS):
        at = data.find(b"\xff", at)
        while at >= 0 and data[at + 1] == 0xFF:  # fill bytes
            at += 1
        if at < 0:
            return None
        marker = data[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 if marker in _ALONE or marker == 0 else 2 + struct.unpack_from(">H", data, at + 2)[0]
    return None


def _webp(data: bytes) -> Size | None:
    match data[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
        case b"VP8L":
            bits = struct.unpack_from("<I", data, 21)[0]
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
    return None


def _tiff(data: bytes) -> Size | None:
    order = "<" if data[:2] == b"II" else ">"
    at = struct.unpack_from(f"{order}I", data, 4)[0]
    found: dict[int, int] = {}
    for number in range(min(struct.unpack_from(f"{order}H", data, at)[0], MAX_FIELDS)):
        tag, kind = struct.unpack_from(f"{order}HH", data, at + 2 + 12 * number)
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT) and kind in (_TIFF_SHORT, _TIFF_LONG):
            found[tag] = struct.unpack_from(f"{order}{'H' if kind == _TIFF_SHORT else 'I'}", data, at + 10 + 12 * number)[0]
    return (found[_TIFF_WIDTH], found[_TIFF_HEIGHT]) if len(found) == len((_TIFF_WIDTH, _TIFF_HEIGHT)) else None


def _avif(data: bytes) -> Size | None:
    """The largest size in the file, which is that of the image; the others are those of its tiles and thumbnails."""
    begin, end = 0, len(data)
    for name in _AVIF_PATH:
        inner = next(((at, to) for kind, at, to in _boxes(data, begin, end) if kind == name), None)
        if inner is None:
            return None
        begin, end = inner[0] + _BOX_WITHOUT_HEAD.get(name, 0), inner[1]
    sizes = [struct.unpack_from(">II", data, at + 4) for kind, at, _ in _boxes(data, begin, end) if kind == b"ispe"]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The kind of each box between `at` and `end`, and where its content begins and ends."""
    for _ in range(MAX_SEGMENTS):
        if at + 8 > end:
            return
        length, head = struct.unpack_from(">I", data, at)[0], 8
        if length == 1:
            length, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        to = end if length == 0 else at + length
        if length and length < head:
            return
        yield data[at + 4 : at + 8], at + head, min(to, end)
        at = to


_READERS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes], Size | None]], ...] = (
    (lambda data: data.startswith(_PNG), _png),
    (lambda data: data.startswith(_GIFS), _gif),
    (lambda data: data.startswith(b"\xff\xd8\xff"), _jpeg),
    (lambda data: data.startswith(b"RIFF") and data[8:12] == b"WEBP", _webp),
    (lambda data: data.startswith((b"II*\0", b"MM\0*")), _tiff),
    (lambda data: data[4:8] == b"ftyp", _avif),
    (lambda data: data.startswith(b"BM"), _bmp),
)

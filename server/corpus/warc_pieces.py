"""Cuts a web archive into pieces of whole records, and finds the records that are damaged, without holding the archive in memory.

The records themselves are read by the child of server/extract/warc_worker.py, piece by piece; here only their bounds are read, and
unpacked bytes are thrown away. After a damaged record the search goes on at the next mark of a record.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from server.contract.errors import Damaged, NotFound, TooLarge
from server.corpus.document import Document, Piece
from server.extract.unpacking import errors_as_damaged

# Records of one piece: a page and what stands in it are saved one after the other, so that their texts meet in one piece; and far
# fewer than the images that one scan judges (MEDLENS_MAX_IMAGES).
PIECE_RECORDS = 200
# Bytes of one piece, packed: it is held in memory with its unpacked records.
PIECE_BYTES = 32 * 1024 * 1024
# Unpacked bytes of one record that are read in the search for its end, as for a file in an archive (kinds/packed.py).
MAX_RECORD_BYTES = 256 * 1024 * 1024
MAX_HEADER_BYTES = 64 * 1024  # of one record; real ones have less than one kB
CHUNK = 1024 * 1024
GZIP, PLAIN = b"\x1f\x8b\x08", b"WARC/1."
_LENGTH = re.compile(rb"^content-length:\s*(\d+)\s*$", re.IGNORECASE | re.MULTILINE)


def pieces_of(path: Path, name: str) -> Iterator[Document]:
    """The pieces of the archive, and a document with an error for each damaged record. Raises nothing."""
    try:
        with errors_as_damaged(name):
            yield from _of_file(path, name)
    except (Damaged, NotFound) as error:
        yield Document(f"{name}#unread", path=str(path), error=error)


def _of_file(path: Path, name: str) -> Iterator[Document]:
    """As `pieces_of`. Raises NotFound, and what zipfile and zlib raise."""
    try:
        with path.open("rb") as file:
            if file.read(2) != b"PK":
                yield from _of_stream(file, path, name, None)
                return
        with zipfile.ZipFile(path) as packed:
            entries = [one for one in packed.namelist() if one.startswith("archive/") and ".warc" in one]
            if not entries:
                yield Document(name, path=str(path), error=Damaged("the WACZ holds no WARC"))
            for entry in entries:
                with packed.open(entry) as stream:
                    yield from _of_stream(stream, path, f"{name}/{entry}", entry)
    except OSError as error:
        raise NotFound(f"{name} cannot be read: {error.strerror}") from None


def _of_stream(stream: IO[bytes], path: Path, name: str, entry: str | None) -> Iterator[Document]:
    begin, records = 0, 0
    end = 0
    for first, last, error in _records(stream):
        full = records >= PIECE_RECORDS or last - begin > PIECE_BYTES
        if records and (full or error is not None):
            yield Document(f"{name}#{begin}-{end}", path=str(path), piece=Piece(begin, end, entry))
            records = 0
        if error is not None:
            yield Document(f"{name}#{first}-{last}", path=str(path), error=error)
            continue
        begin = first if records == 0 else begin
        records, end = records + 1, last
    if records:
        yield Document(f"{name}#{begin}-{end}", path=str(path), piece=Piece(begin, end, entry))


def _records(stream: IO[bytes]) -> Iterator[tuple[int, int, Damaged | TooLarge | None]]:
    """The first and the last offset of each record, and its error if it is damaged, then the offset at which the search goes on."""
    at = 0
    while True:
        stream.seek(at)
        head = stream.read(len(PLAIN))
        if not head:
            return
        packed = head.startswith(GZIP)
        try:
            end = _member_end(stream, at) if packed else _plain_end(stream, at, head)
        except (Damaged, TooLarge) as error:
            end = _next_mark(stream, at + 1)
            yield at, end, error
        else:
            yield at, end, None
        at = end


def _member_end(stream: IO[bytes], at: int) -> int:
    """The end of the gzip member at offset `at`, which holds one record. Raises Damaged, TooLarge."""
    stream.seek(at)
    unpacker, size, taken, waiting = zlib.decompressobj(zlib.MAX_WBITS | 16), 0, 0, b""
    while not unpacker.eof:
        if not waiting:
            waiting = stream.read(CHUNK)
            taken += len(waiting)
            if not waiting:
                raise Damaged(f"the record at byte {at} breaks off")
        try:
            data = unpacker.decompress(waiting, CHUNK)
        except zlib.error:
            raise Damaged(f"the record at byte {at} does not unpack") from None
        if size == 0 and data and not PLAIN.startswith(data[: len(PLAIN)]):
            raise Damaged(f"what is packed at byte {at} is no WARC record")
        size, waiting = size + len(data), unpacker.unconsumed_tail
        if size > MAX_RECORD_BYTES:
            raise TooLarge(f"the record at byte {at} unpacks to more than {MAX_RECORD_BYTES:,} bytes")
    return at + taken - len(unpacker.unused_data)


def _plain_end(stream: IO[bytes], at: int, mark: bytes) -> int:
    """The end of the unpacked record at offset `at`. Raises Damaged."""
    if mark != PLAIN:
        raise Damaged(f"there is no WARC record at byte {at}")
    header, blank, _ = (mark + stream.read(MAX_HEADER_BYTES)).partition(b"\r\n\r\n")
    length = _LENGTH.search(header.replace(b"\r\n", b"\n"))
    if not blank or length is None:
        raise Damaged(f"the record at byte {at} has no valid header")
    end = at + len(header) + len(blank) + int(length[1])
    size = stream.seek(0, 2)
    stream.seek(min(end, size))
    if end > size or stream.read(4) not in (b"\r\n\r\n", b""):
        raise Damaged(f"the record at byte {at} does not end where its header says")
    return min(end + 4, size)


def _next_mark(stream: IO[bytes], at: int) -> int:
    """The offset of the next mark of a record from `at` on, or the end of the stream."""
    stream.seek(at)
    before = b""
    while chunk := stream.read(CHUNK):
        joined = before + chunk
        marks = [found for mark in (GZIP, b"\r\n\r\n" + PLAIN) if (found := joined.find(mark)) >= 0]
        if marks:
            first = min(marks)
            return at + first + (4 if joined[first : first + 4] == b"\r\n\r\n" else 0)
        before, at = joined[-(len(PLAIN) + 4) :], at + len(joined) - len(joined[-(len(PLAIN) + 4) :])
    return stream.tell()

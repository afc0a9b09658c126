"""Unpacks files within bounds: on the number of files, the bytes of each and of all together, and the ratio of unpacking.

Runs in the children that read packed kinds. Nothing is written to disk; sizes that an archive states are not trusted.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, Any, cast

import zstandard

from server.contract.errors import Damaged, MedlensError, PasswordProtected, TooLarge

# Encodings of names in ZIPs and of text in XML. They are loaded before the child is confined, because it cannot load them later.
for _encoding in ("cp437", "cp1252", "iso8859-1", "utf-16"):
    codecs.lookup(_encoding)
# Bytes that any file may unpack to, whatever its ratio: blank pages have a high one.
RATIO_FREE = 16 * 1024 * 1024
# What a file of a ZIP without a name is called.
NAMELESS = "file"
# Bytes of Zstandard's window, which its decoder keeps in memory.
WINDOW = 128 * 1024 * 1024


class Bounded(TooLarge):
    """A bound of the whole archive was exceeded, and reading ends. The message says which one."""


class EntryBounded(TooLarge):
    """A bound of one file was exceeded: the file is left out, and the others are read."""


@dataclass(slots=True)
class Bounds:
    """The bounds for unpacking one packed file (server/kinds/packed.py), and how much of them is used."""

    limits: Mapping[str, Any]
    packed: int  # bytes of the whole packed file
    unpacked: int = 0
    entries: int = 0

    def count(self) -> None:
        """Count one more file. Raises Bounded."""
        self.entries += 1
        if self.entries > int(self.limits["max_entries"]):
            raise Bounded(f"only the first {self.limits['max_entries']} files are read")

    def read(self, stream: IO[bytes], name: str, packed: int | None = None) -> bytes:
        """All bytes of a stream; `packed`: the number of its packed bytes, if known.

        Raises Bounded, EntryBounded, and what the stream raises.
        """
        most = int(self.limits["max_entry_bytes"])
        by_ratio = max(RATIO_FREE, int(self.limits["max_ratio"]) * (self.packed if packed is None else packed))
        left = int(self.limits["max_unpacked_bytes"]) - self.unpacked
        data = stream.read(min(most, by_ratio, left) + 1)
        self.unpacked += len(data)
        if len(data) > left:
            raise Bounded(f"{name}: the files inside have more than {self.limits['max_unpacked_bytes']:,} bytes")
        if len(data) > by_ratio:
            raise EntryBounded(f"{name}: it unpacks to more than {self.limits['max_ratio']} times its size, as bombs do")
        if len(data) > most:
            raise EntryBounded(f"{name}: it has more than {most:,} bytes")
        return data


@dataclass(slots=True)
class Zip:
    """A ZIP in memory. `names`: of its files, without folders, in the order of the ZIP."""

    file: zipfile.ZipFile
    bounds: Bounds
    infos: dict[str, zipfile.ZipInfo] = field(default_factory=dict)

    @classmethod
    def open(cls, data: bytes, limits: Mapping[str, Any]) -> Zip:
        """Open a ZIP. Raises Damaged."""
        with errors_as_damaged("the ZIP is broken"):
            file = zipfile.ZipFile(BytesIO(data))
            infos = {info.filename or NAMELESS: info for info in file.infolist() if not info.filename.endswith("/")}
        return cls(file, Bounds(limits, len(data)), infos)

    @property
    def names(self) -> list[str]:
        return list(self.infos)

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises Bounded, EntryBounded, Damaged, PasswordProtected, or KeyError for an unknown name."""
        info = self.infos[name]
        if info.flag_bits & 1:
            raise PasswordProtected(f"{name} opens only with a password")
        with errors_as_damaged("it does not unpack"), self.file.open(info) as stream:
            return self.bounds.read(stream, name, info.compress_size)


@contextmanager
def errors_as_damaged(what: str) -> Iterator[None]:
    """Raise Damaged, with `what` before the message, for whatever libraries and decompressors raise on broken data.

    They raise anything: BadZipFile, TarError, zlib.error, EOFError. MedlensError and MemoryError are passed on.
    """
    try:
        yield
    except (MedlensError, MemoryError):
        raise
    except Exception as error:
        raise Damaged(f"{what}: {str(error)[:200] or type(error).__name__}") from None


def unpacked_stream(data: bytes) -> IO[bytes]:
    """A stream of what gzip, bzip2, xz or Zstandard compressed; other data is passed through."""
    if data.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=BytesIO(data)))
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        stream: IO[bytes] = zstandard.ZstdDecompressor(max_window_size=WINDOW).stream_reader(data, read_across_frames=True)
        return stream
    if data.startswith(b"BZh"):
        return bz2.BZ2File(BytesIO(data))
    if data.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMAFile(BytesIO(data))
    return BytesIO(data)

"""Reads the whole of a local file, if it is a regular file of bounded size, or opens a file for a reader that takes a path."""

from __future__ import annotations

import asyncio
import os
import stat
import tempfile
from io import FileIO
from pathlib import Path
from typing import IO

from server.contract.errors import DocumentError, TooLarge
from server.settings import MIB

# The child that reads the file holds it in memory; volumes of a few hundred slices and scanned books have less.
MAX_FILE_BYTES = 512 * MIB
PIECE = 4 * MIB  # read at a time: takes some milliseconds from a slow disk


async def read_file(path: Path) -> bytes:
    """A regular file's bytes, piece by piece, so that a cancelled read stops within one piece.

    Raises TooLarge by the file's size, before reading; DocumentError for a pipe, a device, or a file that cannot be opened.
    """
    try:
        file = await asyncio.to_thread(_opened, path)
        with file:
            pieces, size = [], 0
            while piece := await asyncio.to_thread(file.read, PIECE):
                size += len(piece)
                if size > MAX_FILE_BYTES:  # it grows while it is read
                    raise _too_large(path, size)
                pieces.append(piece)
            return b"".join(pieces)
    except OSError as error:
        raise DocumentError(f"{path.name} cannot be read: {error.strerror}") from None


def opened_for_reader(path: Path | None, data: bytes) -> IO[bytes] | FileIO:
    """An open file for a child that reads it by its descriptor: the regular file at `path`, of any size, or one with `data`.

    Raises DocumentError for a pipe, a device, or a file that cannot be opened.
    """
    if path is not None:
        try:
            return _opened(path, bounded=False)
        except OSError as error:
            raise DocumentError(f"{path.name} cannot be read: {error.strerror}") from None
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it; it has no name, only descriptors lead to it
    os.fchmod(file.fileno(), 0o444)  # a reader may run as another user
    file.write(data)
    file.flush()
    return file


def _opened(path: Path, *, bounded: bool = True) -> FileIO:
    """Open without waiting for the writer of a pipe. Type and size are checked on the open file, which cannot be replaced."""
    file = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb", buffering=0)
    try:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise DocumentError(f"{path.name} is a device or a pipe, not a file")
        if bounded and status.st_size > MAX_FILE_BYTES:
            raise _too_large(path, status.st_size)
    except BaseException:
        file.close()
        raise
    return file


def _too_large(path: Path, size: int) -> TooLarge:
    return TooLarge(f"{path.name} has {size:,} bytes, more than the {MAX_FILE_BYTES:,} of a file that are read")

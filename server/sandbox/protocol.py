"""The frames between a child process and its parent: a JSON header and raw bytes, never a pickle.

A hostile file may take its child over. It must not take over the parent by what the child sends, so the parent's end bounds and
checks each frame. `Pipe` is the child's end, blocking; `encode` and `read_frame` are the parent's, on asyncio streams.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
from collections.abc import Mapping
from typing import Any, TypeAlias

from server.contract.errors import (
    Damaged,
    DocumentError,
    ImageTooLarge,
    MedlensError,
    NoImage,
    NotWhatItSays,
    PasswordProtected,
    ReaderFailed,
    UnknownKind,
)

Frame: TypeAlias = tuple[dict[str, Any], bytes]
HEAD = struct.Struct(">II")  # sizes of header and body, bytes
# Of a frame that a child sends. A header describes one image and its place, a body is one encoded image; more is an attack.
MAX_HEADER = 64 * 1024
MAX_BODY = 1024 * 1024 * 1024
# Where a process opens a file again that it got as a descriptor.
DESCRIPTORS = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
DISCARD_BYTES = 1 << 20  # read at a time after the last error, and dropped

# What a child may raise in its parent.
_ERRORS = {
    error.__name__: error
    for error in (Damaged, DocumentError, ImageTooLarge, NoImage, NotWhatItSays, PasswordProtected, ReaderFailed, UnknownKind)
}


def encode(header: Mapping[str, Any], body_size: int) -> bytes:
    """The bytes of a frame up to its body."""
    encoded = json.dumps(header).encode()
    return HEAD.pack(len(encoded), body_size) + encoded


async def read_frame(reader: asyncio.StreamReader) -> Frame | None:
    """The child's next frame; None when the child has ended. Raises the error that the child sent, or ReaderFailed."""
    try:
        header_size, body_size = HEAD.unpack(await reader.readexactly(HEAD.size))
        if header_size > MAX_HEADER or body_size > MAX_BODY:
            raise ReaderFailed("the reader sent more than it may")
        header = json.loads(await reader.readexactly(header_size))
        body = await reader.readexactly(body_size)
    except (asyncio.IncompleteReadError, OSError):
        return None
    if not isinstance(header, dict):
        raise ReaderFailed("the reader sent an invalid frame")
    if "error" in header:
        raise _ERRORS.get(header["error"], ReaderFailed)(str(header.get("message", "")))
    return header, body


class Pipe:
    """The child's end. `file`: the path of the one file that this child may open, None if there is none."""

    def __init__(self, connection: socket.socket, file: int | None = None) -> None:
        self.file = None if file is None else f"{DESCRIPTORS}/{file}"
        self._connection = connection
        self._file = connection.makefile("rb")

    def receive(self) -> Frame | None:
        """The next frame; None when the parent has closed the pipe."""
        head = self._file.read(HEAD.size)
        if len(head) < HEAD.size:
            return None
        header_size, body_size = HEAD.unpack(head)
        return json.loads(self._file.read(header_size)), self._file.read(body_size)

    def send(self, header: Mapping[str, Any], body: bytes | memoryview = b"") -> None:
        self._connection.sendall(encode(header, len(body)))
        self._connection.sendall(body)

    def send_error(self, error: MedlensError) -> None:
        self.send({"error": type(error).__name__, "message": str(error)})

    def send_last_error(self, error: MedlensError) -> None:
        """Send `error`, then read and drop what the parent sends until it closes the pipe.

        A child that ended at once would break the parent's writing, and the error would be lost.
        """
        self.send_error(error)
        self._connection.shutdown(socket.SHUT_WR)
        while self._file.read(DISCARD_BYTES):
            pass

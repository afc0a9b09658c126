"""The frames between a child process and its parent: a JSON header and raw bytes, never a pickle.

Whoever takes over a child with a hostile file must not take over its parent by what the child sends. This module knows the
child's blocking end and the shape of a frame; server/sandbox/child.py has the parent's end.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any, TypeAlias

from server.contract.errors import MedlensError

Frame: TypeAlias = tuple[dict[str, Any], bytes]
HEAD = struct.Struct(">II")  # sizes of header and body
HEARD_OUT = 1 << 20  # bytes at a time that nobody reads any more


class Pipe:
    """The child's end."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")

    def receive(self) -> Frame | None:
        """The next frame; None when the parent has hung up."""
        head = self._file.read(HEAD.size)
        if len(head) < HEAD.size:
            return None
        header_size, body_size = HEAD.unpack(head)
        return json.loads(self._file.read(header_size)), self._file.read(body_size)

    def send(self, header: Mapping[str, Any], body: bytes | memoryview = b"") -> None:
        encoded = json.dumps(header).encode()
        self._connection.sendall(HEAD.pack(len(encoded), len(body)) + encoded)
        self._connection.sendall(body)

    def send_error(self, error: MedlensError) -> None:
        self.send({"error": type(error).__name__, "message": str(error)})

    def last_word(self, error: MedlensError) -> None:
        """Send `error` and nothing after it, and hear the parent out until it hangs up.

        A child that went at once would break the parent's writing, and its last word would be lost with it.
        """
        self.send_error(error)
        self._connection.shutdown(socket.SHUT_WR)
        while self._file.read(HEARD_OUT):
            pass

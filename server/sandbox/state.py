"""The reader that reports which guards are missing: the child's side of check.py."""

from __future__ import annotations

from server.sandbox import confine
from server.sandbox.protocol import Pipe


def serve(pipe: Pipe) -> None:
    while pipe.receive() is not None:
        pipe.send({"missing": list(confine.missing)})

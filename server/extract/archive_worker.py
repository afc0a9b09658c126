"""Reads an archive in the child of server/sandbox/child.py: sends each file that can be scanned to the parent, names the others.

A compressed file that is not a TAR is one file, named like the archive without its last extension. readers.py describes the frames.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from io import BufferedReader, RawIOBase
from pathlib import PurePosixPath
from typing import Any, cast

from server.contract.errors import Damaged, PasswordProtected
from server.extract.unpacking import Bounded, Bounds, EntryBounded, Zip, errors_as_damaged, unpacked_stream
from server.kinds.kind import HEAD_BYTES
from server.kinds.page import looks_like_svg
from server.kinds.registry import kind_of
from server.sandbox.protocol import Pipe

PLACE = {"page": None, "box": None}
_TAR_HEAD = 512


def serve(pipe: Pipe) -> None:
    if (request := pipe.receive()) is None:
        return
    job, data = request
    pipe.send({"page": 1})
    try:
        for name, read in _files(data, job):
            _send(pipe, name, read)
    except Bounded as error:  # what was sent before stays
        pipe.send({"skip": "too_large", "detail": str(error), **PLACE})
        pipe.send({"notice": "too_large", "message": str(error)})
    pipe.send({"end": True})


def _send(pipe: Pipe, name: str, read: Any) -> None:
    """Send one file, or why it is not read. A file over its own bound is skipped; a bound of the archive is raised as Bounded."""
    if any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts):
        pipe.send({"notice": "left_out", "message": f"{name}: hidden files are left out", "severity": "remark"})
        return
    try:
        with errors_as_damaged("it does not unpack"):
            data = read()
    except EntryBounded as error:
        pipe.send({"skip": "too_large", "detail": str(error), **PLACE})
        pipe.send({"notice": "too_large", "message": str(error)})
        return
    except (Damaged, PasswordProtected) as error:
        pipe.send({"skip": "unreadable", "detail": f"{name}: {error}", **PLACE})
        pipe.send({"notice": error.code, "message": f"{name}: {error}"})
        return
    kind = kind_of(data[:HEAD_BYTES], name)
    if kind is None or (kind == "page" and not looks_like_svg(data)):
        what = "a saved web page; pages are scanned at their address" if kind else "of a kind that is not read"
        pipe.send({"notice": "unknown_kind", "message": f"{name}: it is {what}", "severity": "remark"})
        return
    pipe.send({"file": name, **PLACE}, data)


def _files(data: bytes, job: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The name of each file, and a callable that reads it. Raises Damaged, Bounded."""
    if data.startswith(b"PK"):
        packed = Zip.open(data, job)
        for name in sorted(packed.names):
            packed.bounds.count()
            yield name, lambda name=name: packed.read(name)
        return
    bounds = Bounds(job, len(data))
    stream = BufferedReader(cast(RawIOBase, unpacked_stream(data)), HEAD_BYTES)  # each has readinto, as a raw stream has
    with errors_as_damaged("the archive does not unpack"):
        head = stream.peek(_TAR_HEAD)[:_TAR_HEAD]
        if head[257:262] != b"ustar":
            name = PurePosixPath(str(job.get("name") or "file")).stem or "file"
            yield name, lambda: bounds.read(stream, name)
            return
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                bounds.count()
                opened = tar.extractfile(member) if member.isreg() else None
                if opened is not None:
                    yield member.name, lambda opened=opened, name=member.name: bounds.read(opened, name)

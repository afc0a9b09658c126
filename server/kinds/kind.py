"""Describes one kind of file: how its first bytes identify it, which module reads it in a child, and within which limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from server.contract.records import PlaceKind, SourceKind

HEAD_BYTES = 4096  # read from the beginning of a file to identify its kind: enough for comments before an <html>


@dataclass(frozen=True, slots=True)
class Kind:
    """One entry of the registry.

    `noun`: what messages call such a file. `worker`: the module whose `serve(pipe)` reads it in a child. `place`: the kind of its
    images' places. `marks`: pairs of offset and bytes, of which every such file has one. `matches`: a further test of head and file
    name, for heads with a mark, or for all heads if there are no marks. `restarts`: how often reading continues after a page that
    killed the child. `limits`: numbers that the worker gets with its job. `by_path`: the worker's library opens a path; the worker
    gets `pipe.file` instead of the file's bytes. `package`: the package of an extra that the worker needs. `is_whole`: tests of a
    file's bytes whether the file itself is the one image that its worker would find, so that no worker is needed. `partly`: by
    extension, what is not read of files with that extension, as a notice says.
    """

    name: SourceKind
    noun: str
    worker: str
    place: PlaceKind
    extensions: tuple[str, ...] = ()
    marks: tuple[tuple[int, bytes], ...] = ()
    matches: Callable[[bytes, str], bool] | None = None
    restarts: int = 0
    limits: Mapping[str, int] = field(default_factory=dict)
    by_path: bool = False
    package: str | None = None
    is_whole: Callable[[bytes], bool] | None = None
    partly: Mapping[str, str] = field(default_factory=dict)

    def recognises(self, head: bytes, name: str | None) -> bool:
        """Whether a file with these first HEAD_BYTES (or all of it) and this name is of this kind."""
        if self.marks and not any(head.startswith(mark, at) for at, mark in self.marks):
            return False
        return self.matches is None or self.matches(head, name or "")


def extension(name: str) -> str:
    """The last extension of a file's name, in lower case, with its dot."""
    return PurePosixPath(name).suffix.lower()

"""The inner files of a scan: bounds on their depth, number and bytes, and whether those are there that an index lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from server.contract.errors import NotFound, TooLarge
from server.contract.records import Notice

# Depth of nesting, such as an image in a PDF in a ZIP in a ZIP. Nobody stores images deeper; more is a bomb.
MAX_DEPTH = 4
# Inner files read in one scan, those of inner archives included; a patient CD has some thousand.
MAX_INNER_FILES = 10_000
# Bytes of all inner files of one scan together. Each archive is bounded by its reader; this bounds archives of archives.
MAX_INNER_BYTES = 4 * 1024 * 1024 * 1024


@dataclass(slots=True)
class InnerFiles:
    """Counts the inner files of one scan, and keeps their names for the indexes (DICOMDIR) among them."""

    files: int = 0
    size: int = 0
    _names: set[str] = field(default_factory=set)
    _listed: list[tuple[str, Sequence[str]]] = field(default_factory=list)

    def take(self, name: str, size: int, depth: int) -> None:
        """Count one more file of `size` bytes at `depth` (1: in the source itself). Raises TooLarge when it is one too many."""
        if depth > MAX_DEPTH:
            raise TooLarge(f"{name} lies more than {MAX_DEPTH} files deep")
        self.files, self.size = self.files + 1, self.size + size
        self._names.add(name.lower())
        if self.full:
            raise TooLarge(f"{name} is beyond the {MAX_INNER_FILES} files or {MAX_INNER_BYTES:,} bytes inside files that are read")

    @property
    def full(self) -> bool:
        return self.files > MAX_INNER_FILES or self.size > MAX_INNER_BYTES

    def expect(self, index: str, names: Sequence[str], depth: int) -> None:
        """The index with this name lists these files, relative to its folder. At depth 0 there is nothing beside it."""
        if depth:
            self._listed.append((index, names))

    def missing(self) -> Iterator[Notice]:
        """A notice for each listed file that was not among the inner files, whatever its case. Each is given once.

        None if not all inner files were read.
        """
        listed, self._listed = self._listed, []
        for index, names in listed if not self.full else ():
            folder = index.rpartition("/")[0]
            for name in names:
                if f"{folder}/{name}".lower() not in self._names:
                    message = f"{index}: it lists {name}, which is missing or cannot be read"
                    yield Notice(code=NotFound.code, message=message, severity="cut")

"""Bounds on the inner files of a scan: the depth of nesting, the number of files, and their bytes together."""

from __future__ import annotations

from dataclasses import dataclass

from server.contract.errors import TooLarge

# Depth of nesting, such as an image in a PDF in a ZIP in a ZIP. Nobody stores images deeper; more is a bomb.
MAX_DEPTH = 4
# Inner files read in one scan, those of inner archives included; a patient CD has some thousand.
MAX_INNER_FILES = 10_000
# Bytes of all inner files of one scan together. Each archive is bounded by its reader; this bounds archives of archives.
MAX_INNER_BYTES = 4 * 1024 * 1024 * 1024


@dataclass(slots=True)
class InnerFiles:
    """Counts the inner files of one scan."""

    files: int = 0
    size: int = 0

    def take(self, name: str, size: int, depth: int) -> None:
        """Count one more file of `size` bytes at `depth` (1: in the source itself). Raises TooLarge when it is one too many."""
        if depth > MAX_DEPTH:
            raise TooLarge(f"{name} lies more than {MAX_DEPTH} files deep")
        self.files, self.size = self.files + 1, self.size + size
        if self.full:
            raise TooLarge(f"{name} is beyond the {MAX_INNER_FILES} files or {MAX_INNER_BYTES:,} bytes inside files that are read")

    @property
    def full(self) -> bool:
        return self.files > MAX_INNER_FILES or self.size > MAX_INNER_BYTES

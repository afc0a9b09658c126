"""Archives of files that are read themselves: ZIP, TAR, and what gzip, bzip2, xz and Zstandard pack."""

from __future__ import annotations

from server.kinds.kind import Kind
from server.kinds.packed import LIMITS, MARKS, ZIP, is_zip

KIND = Kind(
    "archive",
    "archive (ZIP, TAR)",
    "server.extract.archive_worker",
    "file",
    (".zip", ".tar", ".tgz", ".gz", ".zst", ".bz2", ".xz"),
    MARKS,
    lambda head, _: is_zip(head) or not head.startswith(ZIP),
    limits=LIMITS,
)

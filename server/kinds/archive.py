"""Archives, whose files are read as sources of their own: ZIP, TAR, and files compressed with gzip, bzip2, xz or Zstandard."""

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

"""Files of weights and settings: writing one in a single step, and its SHA-256."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from uuid import uuid4

PART = ".part"  # ends the name of a file that is not complete yet


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one step, creating its folder: a reader finds the old file or the new one, never a part.

    The last of several concurrent writers wins. Raises OSError where it cannot be written, and then leaves no file behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A random name, not the process number: machines that share a folder may share process numbers.
    part = path.with_name(f"{path.name}.{uuid4().hex}{PART}")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, 64 hex digits, read in pieces. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

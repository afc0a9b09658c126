"""Writes a file whole or not at all, whoever reads or writes it meanwhile. It knows bytes, not what they mean."""

from __future__ import annotations

import contextlib
from pathlib import Path
from uuid import uuid4

PART = ".part"  # ends the name of a file that is not whole yet


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one step, its folder included: a reader finds the old file or the new one.

    The last of several writers wins. Raises OSError where it cannot be written, and then leaves nothing behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{uuid4().hex}{PART}")  # not by process number: machines that share a folder share those
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise

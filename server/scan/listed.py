"""Compares what a DICOMDIR lists with the files beside it, so that a file that is missing on a patient CD is named."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from server.contract.errors import NotFound
from server.contract.records import Notice


async def missing_files(index: Path | None, names: Sequence[str]) -> list[Notice]:
    """A notice for each name that is not a file in the folder of `index`; none if the index is not a local file."""
    if index is None:
        return []
    missing = await asyncio.to_thread(lambda: [name for name in names if not _is_there(index.parent, name)])
    return [Notice(code=NotFound.code, message=f"it lists {name}, which is missing", severity="cut") for name in missing]


def _is_there(folder: Path, name: str) -> bool:
    """Whether the file is in the folder; systems show the upper-case names of CDs also in lower case."""
    if any(part in ("", ".", "..") or "\\" in part for part in name.split("/")):
        return False
    try:
        return any((folder / one).is_file() for one in (name, name.lower()))
    except (OSError, ValueError):  # a name too long, or with a null in it
        return False

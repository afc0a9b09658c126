"""A temporary folder for a database: its path is short enough for the socket, and the user that Postgres runs as can open it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def short_folder() -> Iterator[Path]:
    """Removed at the end, whatever is left in it."""
    with TemporaryDirectory(prefix="ml-", dir="/tmp", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        folder.chmod(0o755)
        yield folder

"""A file appears whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from server.models.files import write_atomically


def test_a_file_takes_the_place_of_the_old_one_and_leaves_no_part(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    for data in (b"first", b"other"):
        write_atomically(path, data)
        assert path.read_bytes() == data
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_and_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, write = tmp_path / "file", Path.write_bytes
    write_atomically(path, b"first")

    def half(part: Path, data: bytes) -> int:
        write(part, data[:2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"other")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]

"""Local files before their bytes are read: too large ones, pipes and devices are refused by name, and reading can be stopped."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from server.contract.errors import DocumentError, TooLarge
from server.contract.records import Candidate, Found, Source, SourceKind
from server.extract import local_file
from server.extract.readers import extract_dicom, extract_image, extract_pdf
from server.settings import Settings
from tests.site import picture

Extract = Callable[[Source, Settings], AsyncGenerator[Found, None]]
EXTRACTORS: list[tuple[SourceKind, Extract]] = [("image", extract_image), ("pdf", extract_pdf), ("dicom", extract_dicom)]
unix = pytest.mark.skipif(sys.platform == "win32", reason="pipes in folders are Unix's")


async def read(kind: SourceKind, extract: Extract, path: Path) -> list[Found]:
    async with asyncio.timeout(60):
        return [found async for found in extract(Source(kind, str(path), path=path), Settings())]


@pytest.mark.parametrize(("kind", "extract"), EXTRACTORS)
async def test_a_file_of_50_gigabytes_is_refused_by_its_size(tmp_path: Path, kind: SourceKind, extract: Extract) -> None:
    path = tmp_path / "sparse"
    path.touch()
    os.truncate(path, 50_000_000_000)
    with pytest.raises(TooLarge, match="sparse has 50,000,000,000 bytes"):
        await read(kind, extract, path)


@unix
@pytest.mark.parametrize(("kind", "extract"), EXTRACTORS)
async def test_a_pipe_that_nobody_writes_into_is_not_waited_for(tmp_path: Path, kind: SourceKind, extract: Extract) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DocumentError, match="pipe is a device or a pipe"):
        await read(kind, extract, tmp_path / "pipe")


@unix
async def test_a_device_is_no_file() -> None:
    with pytest.raises(DocumentError, match="zero is a device or a pipe"):
        await read("image", extract_image, Path("/dev/zero"))


async def test_a_file_that_is_gone_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="gone cannot be read: No such file"):
        await read("image", extract_image, tmp_path / "gone")


async def test_a_file_that_grows_while_it_is_read_stops_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "grows"
    path.write_bytes(bytes(3000))
    monkeypatch.setattr(local_file, "PIECE", 1000)
    monkeypatch.setattr(local_file, "MAX_FILE_BYTES", 3000)
    assert len(await local_file.read_file(path)) == 3000
    grown = path.stat()
    monkeypatch.setattr(os, "fstat", lambda _: grown)
    path.write_bytes(bytes(4000))
    with pytest.raises(TooLarge):
        await local_file.read_file(path)


async def test_what_is_read_in_pieces_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_file, "PIECE", 100)
    data = picture("PNG", (300, 240), 9)
    (tmp_path / "a.png").write_bytes(data)
    [candidate] = await read("image", extract_image, tmp_path / "a.png")
    assert isinstance(candidate, Candidate)
    assert candidate.data == data

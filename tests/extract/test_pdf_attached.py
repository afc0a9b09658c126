"""Files attached to a PDF are read as files inside it: of portfolios and of notes; those over a limit are named."""

from __future__ import annotations

import zlib
from pathlib import Path

import pymupdf
import pytest

from server.contract.extracted import InnerFile
from server.contract.records import Skipped, Source
from server.extract.readers import extract_file
from server.kinds.pdf import KIND
from server.settings import Settings
from tests.extract.pdfs import noise, read, stream, written
from tests.site import picture


def with_files(**files: bytes) -> pymupdf.Document:
    document = pymupdf.open()
    document.new_page()
    for name, data in files.items():
        document.embfile_add(name, data)
    return document


def inner(found: list[object]) -> list[tuple[str, bytes, int | None]]:
    return [(one.name, one.data, one.place.page) for one in found if isinstance(one, InnerFile)]


async def test_files_of_a_portfolio_and_of_notes_come_once() -> None:
    document = with_files(case=b"%PDF-1.7 a case", knee=noise(1))
    document.new_page().add_file_annot((50, 50), picture(), "slice.png")
    found = inner(await read(document.tobytes()))
    assert found == [("case", b"%PDF-1.7 a case", None), ("knee", noise(1), None), ("slice.png", picture(), 2)]


async def limited(data: bytes, **limits: int) -> list[object]:
    kind = type(KIND)(KIND.name, KIND.noun, KIND.worker, KIND.place, limits={**KIND.limits, **limits})
    return [found async for found in extract_file(kind, Source("pdf", "x.pdf", data=data), Settings())]


async def test_files_over_the_limits_are_named_and_the_rest_is_read() -> None:
    data = with_files(a=b"x" * 1000, b=b"y" * 5000, c=b"z" * 1000).tobytes(deflate=True)
    found = await limited(data, max_attached_bytes=2500)
    assert [name for name, _, _ in inner(found)] == ["a", "c"]
    assert [(one.reason, one.detail[:2]) for one in found if isinstance(one, Skipped)] == [("too_large", "b:")]
    found = await limited(data, max_attachments=2)
    assert [name for name, _, _ in inner(found)] == ["a", "b"]
    assert [one.reason for one in found if isinstance(one, Skipped)] == ["too_many"]


async def test_a_bomb_is_unpacked_as_far_as_the_limit() -> None:
    """More zeros than may be unpacked, in 300 kB, with an honest image beside it."""
    bomb = zlib.compressobj(9)
    packed = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(200)) + bomb.flush()
    specs = [stream("/Type/EmbeddedFile/Filter/FlateDecode", packed), stream("/Type/EmbeddedFile", picture())]
    data = written("", *specs, b"<</Type/Filespec/F(bomb)/EF<</F 5 0 R>>>>", b"<</Type/Filespec/F(a.png)/EF<</F 6 0 R>>>>")
    data = data.replace(b"/Type/Catalog", b"/Type/Catalog/AF[7 0 R 8 0 R]")
    found = await read(data)
    assert inner(found) == [("a.png", picture(), None)]
    assert [(one.reason, one.detail[:5]) for one in found if isinstance(one, Skipped)] == [("too_large", "bomb:")]


@pytest.mark.shared
async def test_inputs_from_public_reports(shared: Path) -> None:
    found = inner(await read((shared / "corpora/field/pdf_portfolio/p2_portfolio.pdf").read_bytes()))
    assert [(name, data[:3]) for name, data, _ in found] == [("case1.pdf", b"%PD"), ("knee.jpg", b"\xff\xd8\xff")]

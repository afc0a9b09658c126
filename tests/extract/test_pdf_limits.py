"""The limits of reading a PDF: pixels, pages, memory, time; a reader that dies costs only its page."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from PIL import Image

from server.contract.errors import ReaderFailed
from server.contract.records import Candidate, Found, Notice, Skipped, Source
from server.extract import pdf_draws, pdf_worker
from server.extract.readers import extract_file
from server.kinds.kind import Kind
from server.kinds.pdf import KIND
from server.sandbox.child import stop_fork_server
from server.settings import Settings
from tests.extract.pdfs import candidates, noise, pages, read


def with_header(width: int, height: int) -> bytes:
    """A page that draws a real image and one whose header promises `width` x `height`."""
    document = pages(1)
    page = document[0]
    xref = page.insert_image((200, 200, 300, 300), stream=noise(5))
    document.update_object(
        xref, f"<</Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace/DeviceRGB/BitsPerComponent 8>>"
    )
    document.update_stream(xref, zlib.compress(b"\0" * 1000))
    return bytes(document.tobytes())


async def test_too_many_pixels_are_refused_by_the_header() -> None:
    first, refused = await read(with_header(50_000, 50_000))
    assert isinstance(first, Candidate)
    assert isinstance(refused, Skipped) and refused.reason == "too_many_pixels"
    assert refused.detail == "50000 x 50000 pixels are more than the 50000000 allowed (MEDLENS_MAX_PIXELS)"


def _zeros(size: int) -> Iterator[bytes]:
    packer, block = zlib.compressobj(1), bytes(1_000_000)
    for start in range(0, size, len(block)):
        yield packer.compress(block[: size - start])
    yield packer.flush()


async def test_an_image_larger_than_the_memory_is_halved_as_it_is_read() -> None:
    document = pages(2)
    xref = document[0].insert_image((200, 200, 300, 300), stream=noise(5))
    entries = "/Type/XObject/Subtype/Image/Width 14000/Height 14000/ColorSpace/DeviceRGB/BitsPerComponent 8"
    document.update_object(xref, f"<<{entries}>>")
    document.update_stream(xref, b"".join(_zeros(14_000 * 14_000 * 3)), compress=False)
    document.update_object(xref, f"<<{entries}/Filter/FlateDecode/Length {len(document.xref_stream_raw(xref))}>>")
    found = await read(document.tobytes(), max_pixels=10**9, reader_memory_mb=640)
    large, *_ = (one for one in candidates(found) if one.place.box == (200, 200, 100, 100))
    assert Image.open(BytesIO(large.data)).size == (3000, 3000)
    assert len(candidates(found)) == 3


async def test_a_page_tree_that_lies_is_bounded() -> None:
    data = pages(2).tobytes()
    lying = data.replace(b"/Count 2", b"/Count 2000000000")
    assert lying != data
    found = await read(lying, reader_timeout_s=20)
    assert {one.data for one in candidates(found)} == {noise(0), noise(1)}
    assert isinstance(found[-1], Notice) and found[-1].code == "damaged"


async def test_more_pages_than_the_limit_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pdf_worker.MAX_PAGES >= 1000
    sent: list[dict[str, Any]] = []

    class Kept:
        """Stands for the pipe: the worker runs here, in this process, with smaller limits."""

        def __init__(self, data: bytes) -> None:
            self._data = data

        def receive(self) -> tuple[dict[str, Any], bytes]:
            return {"first_page": 0, "max_pixels": 10**7, "min_side": 64, **KIND.limits}, self._data

        def send(self, header: dict[str, Any], body: bytes = b"") -> None:
            sent.append(header)

    monkeypatch.setattr(pdf_worker, "MAX_PAGES", 2)
    pdf_worker.serve(Kept(pages(3).tobytes()))  # type: ignore[arg-type]
    assert sum("image" in header for header in sent) == 2
    assert {"notice": "too_large", "message": "only the first 2 of 3 pages are read"} in sent

    sent.clear()
    monkeypatch.setattr(pdf_worker, "MAX_IMAGES", 1)
    pdf_worker.serve(Kept(pages(2).tobytes()))  # type: ignore[arg-type]
    assert {"notice": "too_large", "message": "only the first 1 images are read"} in sent

    sent.clear()
    monkeypatch.setattr(pdf_worker, "MAX_IMAGES", 100)
    monkeypatch.setattr(pdf_draws, "DRAWS_PER_PAGE", 3)
    document = pymupdf.open()
    page = document.new_page()
    for number in range(5):
        page.insert_image((10, 10 + 150 * number, 138, 138 + 150 * number), stream=noise(number))
    pdf_worker.serve(Kept(document.tobytes()))  # type: ignore[arg-type]
    assert [header["skip"] for header in sent if "skip" in header] == ["too_many"]


CRASHING = """
import os, signal
def serve(pipe):
    job, data = pipe.receive()
    for number in range(job["first_page"] + 1, 6):
        pipe.send({"page": number})
        if str(number).encode() in data:
            os.kill(os.getpid(), signal.SIGSEGV)
        pipe.send({"image": None, "page": number, "box": None}, b"picture %d" % number)
    pipe.send({"end": True})
"""


HUNGRY = """
def serve(pipe):
    pipe.receive()
    pipe.send({"page": 1})
    pipe.send({"image": None, "page": 1, "box": None}, b"picture")
    bytearray(4 << 30)
"""


async def test_memory_is_bounded_and_what_came_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hungry_worker.py").write_text(HUNGRY)
    monkeypatch.syspath_prepend(tmp_path)
    stop_fork_server()
    kind = Kind("pdf", "PDF", "hungry_worker", "embedded")
    picture, notice = [found async for found in extract_file(kind, Source("pdf", "x", data=b"x"), Settings(reader_memory_mb=640))]
    assert isinstance(picture, Candidate)
    assert notice == Notice(code="reader_failed", message="the reader needs more memory than it may have")
    stop_fork_server()


@pytest.fixture
def crashing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A worker that dies of a real segmentation fault on the pages that its data names."""
    (tmp_path / "crashing_worker.py").write_text(CRASHING)
    monkeypatch.syspath_prepend(tmp_path)
    stop_fork_server()

    async def run(fatal: bytes) -> list[Found]:
        kind = Kind("pdf", "PDF", "crashing_worker", "embedded", restarts=2)
        return [found async for found in extract_file(kind, Source("pdf", "x", data=fatal), Settings())]

    yield run
    stop_fork_server()


async def test_a_page_that_kills_the_reader_costs_only_itself(crashing: Any) -> None:
    found = await crashing(b"3")
    assert [one.place.page for one in candidates(found)] == [1, 2, 4, 5]
    assert found[-1] == Notice(code="reader_failed", message="the PDF made its reader fail on page 3")


async def test_a_file_that_kills_every_reader_ends_with_what_came(crashing: Any) -> None:
    found = await crashing(b"2345")
    assert [one.place.page for one in candidates(found)] == [1]
    assert isinstance(found[-1], Notice) and found[-1].message == "the PDF made its reader fail on page 2, 3, 4"


async def test_a_reader_that_dies_before_anything_is_an_error(crashing: Any) -> None:
    with pytest.raises(ReaderFailed, match="on page 1, 2, 3"):
        await crashing(b"12345")


async def test_an_unknown_worker_is_an_error_at_once() -> None:
    kind = Kind("pdf", "PDF", "server.no_such_worker", "embedded")
    with pytest.raises(ReaderFailed, match="ModuleNotFoundError"):
        _ = [found async for found in extract_file(kind, Source("pdf", "x", data=b"x"), Settings())]

"""PDFs that are broken, hostile or not PDFs: a clear problem each, and nothing lost of what could be read."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest
from PIL import Image

from server.child import stop_fork_server
from server.errors import Damaged, DocumentError, NotWhatItSays, PasswordProtected, ReaderFailed
from server.extract import pdf_draws, pdf_worker
from server.extract.pdf import extract_pdf
from server.extract.reading import Reader
from server.extract.reading import read as read_with
from server.records import Candidate, Found, Notice, Skipped, Source
from server.settings import Settings


def noise(seed: int, side: int = 128) -> bytes:
    out = BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(out, "JPEG", quality=60)
    return out.getvalue()


def pages(count: int) -> pymupdf.Document:
    document = pymupdf.open()
    for number in range(count):
        document.new_page().insert_image((50, 50, 178, 178), stream=noise(number))
    return document


async def read(data: bytes, **settings: Any) -> list[Found]:
    return [found async for found in extract_pdf(Source("pdf", "test.pdf", data=data), Settings(**settings))]


def candidates(found: list[Found]) -> list[Candidate]:
    return [one for one in found if isinstance(one, Candidate)]


async def test_a_password_is_asked_for() -> None:
    data = pages(1).tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="secret", owner_pw="owner")
    with pytest.raises(PasswordProtected):
        await read(data)


async def test_encryption_with_an_empty_password_opens() -> None:
    data = pages(1).tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_128, user_pw="", owner_pw="owner")
    [candidate] = candidates(await read(data))
    assert candidate.data == noise(0)


async def test_a_truncated_file_gives_what_it_can_and_says_so() -> None:
    data = pages(40).tobytes()
    found = await read(data[: len(data) // 2])
    assert 15 <= len({one.data for one in candidates(found)}) <= 25
    assert found[-1] == Notice(code="damaged", message="the file breaks off; what could be read is shown")


async def test_images_are_saved_from_a_file_that_lost_its_pages() -> None:
    document = pages(3)
    data = document.tobytes().replace(b"/Type/Pages", b"/Type/Lost!").replace(b"/Type/Page/", b"/Type/Lose/")
    data = data[: data.rindex(b"xref")]
    found = await read(data)
    assert {one.data for one in candidates(found)} >= {noise(0), noise(1), noise(2)}
    assert isinstance(found[-1], Notice) and found[-1].code == "damaged"


@pytest.mark.parametrize(
    "data",
    [
        b"<!doctype html><title>Not found</title>",
        b"\xef\xbb\xbf\n<html></html>",
        b"PK\3\4 a zip",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 99,
    ],
)
async def test_what_is_no_pdf_is_called_so(data: bytes) -> None:
    with pytest.raises(NotWhatItSays):
        await read(data)


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7\n", b"%PDF-1.7\n" + bytes(range(256)) * 20])
async def test_an_empty_or_gutted_pdf_is_damaged(data: bytes) -> None:
    with pytest.raises(Damaged):
        await read(data)


async def test_a_document_without_pages_ends_quietly() -> None:
    data = b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\nendobj\n"
    offset = len(data)
    table = f"xref\n0 3\n0000000000 65535 f \n{9:010d} 00000 n \n{data.index(b'2 0 obj'):010d} 00000 n \n"
    data += (table + f"trailer\n<</Size 3/Root 1 0 R>>\nstartxref\n{offset}\n%%EOF\n").encode()
    assert await read(data) == []


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
    found = await read(document.tobytes(), max_pixels=10**9, pdf_memory_mb=640)
    large, *_ = (one for one in candidates(found) if one.place.box == (200, 200, 100, 100))
    assert Image.open(BytesIO(large.data)).size == (3000, 3000)
    assert len(candidates(found)) == 3


FLATE = "/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/FlateDecode"
PIXELS = zlib.compress(np.random.default_rng(0).integers(0, 255, 128 * 128 * 3, dtype=np.uint8).tobytes())


def with_stream(entries: str, data: bytes) -> bytes:
    """Two pages with an image each; the stream of the first page's is replaced."""
    document = pages(2)
    xref = document[0].get_images()[0][0]
    document.update_object(xref, f"<</Type/XObject/Subtype/Image/Width 128/Height 128{entries}>>")
    document.update_stream(xref, data, compress=False)
    document.update_object(xref, f"<</Type/XObject/Subtype/Image/Width 128/Height 128{entries}/Length {len(data)}>>")
    return bytes(document.tobytes())


@pytest.mark.parametrize(
    ("entries", "data", "reason"),
    [
        (FLATE, PIXELS[: len(PIXELS) // 2], "broken"),
        (FLATE, b"garbage" * 50, "broken"),
        (FLATE.replace("Flate", "DCT"), b"garbage" * 50, "broken"),
        (FLATE.replace("Flate", "Unheard"), b"garbage" * 50, "broken"),
        ("/Filter/JPXDecode", b"garbage" * 50, "unreadable"),
        ("/Width -5" + FLATE, PIXELS, "unreadable"),
    ],
)
async def test_a_broken_image_is_counted_and_costs_only_itself(entries: str, data: bytes, reason: str) -> None:
    found = await read(with_stream(entries, data))
    assert [one.reason for one in found if isinstance(one, Skipped)] == [reason]
    assert [one.data for one in candidates(found)] == [noise(1)]


async def test_an_image_that_lacks_its_last_bytes_is_still_read() -> None:
    found = await read(with_stream(FLATE, PIXELS[: int(len(PIXELS) * 0.96)]))
    assert len(candidates(found)) == 2


async def test_a_page_tree_that_lies_is_bounded() -> None:
    data = pages(2).tobytes()
    lying = data.replace(b"/Count 2", b"/Count 2000000000")
    assert lying != data
    found = await read(lying, pdf_timeout_s=20)
    assert {one.data for one in candidates(found)} == {noise(0), noise(1)}
    assert isinstance(found[-1], Notice) and found[-1].code == "damaged"


async def test_a_broken_page_costs_only_itself() -> None:
    document = pages(3)
    document.xref_set_key(document[1].xref, "Contents", "(no stream)")
    document.xref_set_key(document[1].xref, "Resources", "99999 0 R")
    found = candidates(await read(document.tobytes()))
    assert [one.place.page for one in found if one.data in (noise(0), noise(2))] == [1, 3]


async def test_more_pages_than_the_limit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pdf_worker.MAX_PAGES >= 1000
    sent: list[dict[str, Any]] = []

    class Kept:
        """Stands for the pipe: the worker runs here, in this process, with smaller limits."""

        def __init__(self, data: bytes) -> None:
            self._data = data

        def receive(self) -> tuple[dict[str, Any], bytes]:
            return {"first_page": 0, "max_pixels": 10**7, "min_side": 64}, self._data

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
    reader = Reader("hungry_worker", "PDF", "embedded")
    picture, notice = [found async for found in read_with(reader, Source("pdf", "x", data=b"x"), Settings(pdf_memory_mb=640))]
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
        reader = Reader("crashing_worker", "PDF", "embedded", restarts=2)
        return [found async for found in read_with(reader, Source("pdf", "x", data=fatal), Settings())]

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


async def test_an_unknown_worker_is_said_and_not_waited_for() -> None:
    reader = Reader("server.no_such_worker", "PDF", "embedded")
    with pytest.raises(ReaderFailed, match="ModuleNotFoundError"):
        _ = [found async for found in read_with(reader, Source("pdf", "x", data=b"x"), Settings())]


@pytest.mark.shared
@pytest.mark.slow
async def test_hostile_files_end_in_images_or_errors_of_ours(shared: Path) -> None:
    read_all = 0
    for file in sorted((shared / "corpora" / "pdf").iterdir())[::6]:
        try:
            async for _ in extract_pdf(Source("pdf", file.name, path=file), Settings(pdf_timeout_s=20)):
                pass
            read_all += 1
        except DocumentError:
            pass
    assert read_all > 80

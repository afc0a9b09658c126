"""PDFs that are damaged, hostile or not PDFs: each has its error, and what can be read is kept."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pymupdf
import pytest

from server.contract.errors import Damaged, DocumentError, NotWhatItSays, PasswordProtected
from server.contract.records import Notice, Skipped, Source
from server.extract.readers import extract_pdf
from server.settings import Settings
from tests.extract.pdfs import candidates, noise, pages, read


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


async def test_a_broken_page_costs_only_itself() -> None:
    document = pages(3)
    document.xref_set_key(document[1].xref, "Contents", "(no stream)")
    document.xref_set_key(document[1].xref, "Resources", "99999 0 R")
    found = candidates(await read(document.tobytes()))
    assert [one.place.page for one in found if one.data in (noise(0), noise(2))] == [1, 3]


@pytest.mark.shared
@pytest.mark.slow
async def test_hostile_files_end_in_images_or_errors_of_ours(shared: Path) -> None:
    read_all = 0
    for file in sorted((shared / "corpora" / "pdf").iterdir())[::6]:
        try:
            async for _ in extract_pdf(Source("pdf", file.name, path=file), Settings(reader_timeout_s=20)):
                pass
            read_all += 1
        except DocumentError:
            pass
    assert read_all > 80

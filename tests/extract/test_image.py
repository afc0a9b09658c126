"""Single image files, pages of a TIFF, and every refusal with its error."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from server.contract.errors import Damaged, ImageTooLarge, UnknownKind
from server.contract.records import Candidate, Found, Skipped, Source
from server.extract import image_worker
from server.extract.readers import extract_image
from server.sandbox.child import Child
from server.settings import Settings


def encoded(format: str, *images: Image.Image) -> bytes:
    out = BytesIO()
    many = {"save_all": True, "append_images": images[1:]} if len(images) > 1 else {}
    images[0].save(out, format, **many)
    return out.getvalue()


def grey(level: int, side: int = 120) -> Image.Image:
    return Image.new("L", (side, side), level)


async def read(data: bytes, **settings: Any) -> list[Found]:
    source = Source("image", "test", url="https://a.example/x", data=data)
    return [found async for found in extract_image(source, Settings(**settings))]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
async def test_the_file_itself_is_the_candidate(format: str) -> None:
    data = encoded(format, grey(9).convert("RGB"))
    [candidate] = await read(data)
    assert isinstance(candidate, Candidate) and candidate.data == data
    assert (candidate.place.kind, candidate.place.url, candidate.place.page) == ("file", "https://a.example/x", None)


async def test_no_process_is_started_for_a_file_that_the_decoder_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Child, "start", None)
    assert len(await read(encoded("PNG", grey(9)))) == 1


async def test_an_animation_is_one_candidate() -> None:
    assert len(await read(encoded("GIF", grey(0), grey(250)))) == 1


async def test_a_file_on_disk_is_read(tmp_path: Any) -> None:
    (tmp_path / "x.png").write_bytes(encoded("PNG", grey(5)))
    [candidate] = [one async for one in extract_image(Source("image", "x.png", path=tmp_path / "x.png"), Settings())]
    assert isinstance(candidate, Candidate)


async def test_pages_of_a_tiff_become_pngs_of_their_own() -> None:
    found = await read(encoded("TIFF", grey(10), grey(100, 90), grey(200)))
    assert [one.place.page for one in found if isinstance(one, Candidate)] == [1, 2, 3]
    pages = [Image.open(BytesIO(one.data)) for one in found if isinstance(one, Candidate)]
    assert [(page.format, page.size, page.getpixel((5, 5))) for page in pages] == [
        ("PNG", (120, 120), (10, 10, 10)),
        ("PNG", (90, 90), (100, 100, 100)),
        ("PNG", (120, 120), (200, 200, 200)),
    ]


async def test_a_page_too_large_costs_only_itself() -> None:
    first, second = await read(encoded("TIFF", grey(10), grey(100, 300)), max_pixels=50_000)
    assert isinstance(first, Candidate)
    assert isinstance(second, Skipped) and (second.reason, second.place.page) == ("too_many_pixels", 2)


def test_pages_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, Any]] = []

    class Kept:
        """Stands for the pipe: the worker runs in this process, with a smaller limit."""

        def receive(self) -> tuple[dict[str, Any], bytes]:
            return {"max_pixels": 10**6}, encoded("TIFF", *map(grey, range(5)))

        def send(self, header: dict[str, Any], body: bytes = b"") -> None:
            sent.append(header)

    assert image_worker.MAX_PAGES >= 100
    monkeypatch.setattr(image_worker, "MAX_PAGES", 3)
    image_worker.serve(Kept())  # type: ignore[arg-type]
    assert sum("image" in header for header in sent) == 3
    assert {"notice": "too_large", "message": "only the first 3 pages are read"} in sent


def huge_tiff() -> bytes:
    data, (width, height) = encoded("TIFF", grey(1, 100)), (256, 257)
    for tag in (width, height):
        data = data.replace(struct.pack("<HHII", tag, 4, 1, 100), struct.pack("<HHII", tag, 4, 1, 50_000))
    return data


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (huge_tiff(), ImageTooLarge),
        (b"no image at all", UnknownKind),
        (b"", UnknownKind),
        (encoded("TIFF", grey(1))[:20], Damaged),
        (b"\xff\x0a cut", Damaged),
    ],
)
async def test_what_cannot_be_an_image_is_refused_by_name(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        await read(data)

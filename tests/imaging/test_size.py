"""Sizes read without a library: as Pillow reads them, for every format, and for no bytes an error."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from server.contract.errors import MedlensError
from server.imaging.header import FORMATS, read_header
from server.imaging.size import MAX_SEGMENTS, size_of
from tests.drawn import drawn, encoded

SIZES = [(1, 1), (63, 200), (300, 70)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("format", FORMATS)
def test_every_format_tells_its_size(format: str, size: tuple[int, int]) -> None:
    assert size_of(encoded(drawn().resize(size), format)) == size


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}),
        ("TIFF", {"big_tiff": False, "compression": "tiff_lzw"}),
        ("JPEG", {"progressive": True, "exif": b"Exif\0\0" + bytes(60_000)}),
        ("PNG", {"save_all": True, "append_images": [drawn(150, 90)]}),
    ],
    ids=str,
)
def test_every_variant_tells_its_size(format: str, options: dict[str, object]) -> None:
    assert size_of(encoded(drawn(150, 90), format, **options)) == (150, 90)


def test_a_big_endian_tiff_and_a_bitmap_from_the_top_tell_their_size() -> None:
    fields = struct.pack(">H", 2) + struct.pack(">HHIHH", 256, 3, 1, 150, 0) + struct.pack(">HHII", 257, 4, 1, 90)
    assert size_of(b"MM\0*" + struct.pack(">I", 8) + fields) == (150, 90)
    bitmap = bytearray(encoded(drawn(150, 90), "BMP"))
    bitmap[22:26] = struct.pack("<i", -90)
    assert size_of(bytes(bitmap)) == (150, 90)


def test_an_animation_of_pillow_and_a_thumbnail_in_a_jpeg_do_not_mislead() -> None:
    inner = encoded(drawn(20, 10))
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(inner)) + inner
    outer = encoded(drawn(150, 90))
    assert size_of(outer[:2] + segment + outer[2:]) == (150, 90)


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_cut_short_is_no_error(format: str) -> None:
    whole = encoded(drawn(), format)
    for length in range(min(len(whole), 600)):
        assert size_of(whole[:length]) in (None, (200, 160))


def test_a_jpeg_of_markers_without_end_is_given_up() -> None:
    assert size_of(b"\xff\xd8\xff" + b"\xff\xd0" * (2 * MAX_SEGMENTS) + encoded(drawn())[2:]) is None


@given(st.sampled_from(FORMATS), st.data())
def test_changed_bytes_are_no_error(format: str, data: st.DataObject) -> None:
    changed = bytearray(encoded(drawn(32, 24), format))
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(0, min(len(changed), 200) - 1))] = data.draw(st.integers(0, 255))
    size = size_of(bytes(changed))
    assert size is None or min(size) > 0


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_no_error(data: bytes) -> None:
    size_of(data)


@pytest.mark.shared
def test_labelled_and_hostile_images_tell_what_pillow_tells(shared: Path) -> None:
    """Pillow turns a TIFF that says so, and widens a GIF whose first frame reaches beyond its screen; no other size differs.

    Left out: two TIFFs, made to crash parsers, that name their sides twice.
    """
    told = 0
    for path in [*sorted((shared / "data" / "samples").iterdir()), *sorted((shared / "corpora" / "images").rglob("*"))]:
        if path.is_file() and path.stat().st_size < 4_000_000 and (size := size_of(data := path.read_bytes())) is not None:
            try:
                header = read_header(data)
            except MedlensError:
                continue
            told += 1
            if header.format == "gif":
                assert size[0] <= header.width and size[1] <= header.height, path.name
            elif header.format == "tiff":
                assert sorted(size) == sorted((header.width, header.height)) or "crash-" in path.name, path.name
            else:
                assert size == (header.width, header.height), path.name
    assert told > 300


def test_pillow_opens_nothing_to_tell_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("a library was let at the bytes"))
    assert size_of(encoded(drawn(), "WEBP")) == (200, 160)

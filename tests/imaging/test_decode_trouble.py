"""Images that are damaged, hostile or too large: refused with an error, and read as far as browsers read them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from server.contract.errors import Damaged, ImageTooLarge, UnknownKind
from server.imaging.decode import decode
from server.imaging.header import read_header
from tests.drawn import at, drawn, encoded
from tests.site import picture

LIMIT = 50_000_000


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    ihdr = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    data = b"IDAT" + zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + ihdr + struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))


@pytest.mark.parametrize("size", [(50_000, 50_000), (2_000_000_000, 2)])
def test_too_many_pixels_are_refused_by_the_header(size: tuple[int, int]) -> None:
    with pytest.raises(ImageTooLarge):
        decode(png_header(*size), LIMIT)


def test_the_limit_itself_is_allowed() -> None:
    data = encoded(drawn(100, 100), "PNG")
    assert decode(data, 100 * 100).width == 100
    with pytest.raises(ImageTooLarge, match="100 x 100 pixels are more than the 9999 allowed"):
        decode(data, 100 * 100 - 1)


def test_a_jpeg_cut_in_half_is_broken_and_says_how_much_is_there() -> None:
    data = encoded(drawn(800, 600), "JPEG", quality=90)
    with pytest.raises(Damaged, match=r"the image is cut off: \d+% of its rows"):
        decode(data[: len(data) // 2], LIMIT)


def test_a_jpeg_without_its_last_bytes_is_read_as_browsers_read_it() -> None:
    data = encoded(drawn(800, 600), "JPEG", quality=90)
    for end in (-2, -100):
        assert at(decode(data[:end], LIMIT).image, 0.05, 0.05)[2] > 180


def test_a_wrong_checksum_is_damage() -> None:
    data = bytearray(encoded(drawn(), "PNG"))
    position = data.index(b"IDAT") + 40
    data[position] ^= 0xFF
    with pytest.raises(Damaged):
        decode(bytes(data), LIMIT)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
def test_other_formats_cut_in_half_are_broken(format: str) -> None:
    data = encoded(drawn(300, 300), format)
    with pytest.raises(Damaged):
        decode(data[: len(data) // 2], LIMIT)


@pytest.mark.parametrize("data", [b"", b"hello", b"<html><body>not an image</body></html>", b"%PDF-1.7\n", b"\0" * 200])
def test_what_is_no_image_is_unknown(data: bytes) -> None:
    with pytest.raises(UnknownKind):
        decode(data, LIMIT)


@pytest.mark.parametrize("format", ["ICO", "TGA", "PPM", "JPEG2000", "PCX"])
def test_formats_off_the_list_are_unknown(format: str) -> None:
    with pytest.raises(UnknownKind):
        read_header(encoded(drawn(64, 64), format))


@pytest.mark.parametrize("magic", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"II*\0", b"RIFF\0\0\0\0WEBP"])
def test_a_broken_header_of_a_known_format_is_damage(magic: bytes) -> None:
    with pytest.raises(Damaged):
        decode(magic + b"\1\2\3", LIMIT)


SEEDS = {format: encoded(drawn(40, 30), format) for format in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(SEEDS)), st.data())
def test_any_broken_bytes_end_in_an_error_of_ours_or_an_image(format: str, data: st.DataObject) -> None:
    broken = bytearray(SEEDS[format])
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(broken)))
    for one in (bytes(broken), bytes(broken[:cut])):
        with suppress(Damaged, ImageTooLarge, UnknownKind):
            assert decode(one, 10_000).image.mode == "RGB"


def opened(read: Callable[[bytes], object], data: bytes) -> str:
    try:
        read(data)
    except (Damaged, ImageTooLarge, UnknownKind) as error:
        return error.code
    return "opened"


@pytest.mark.shared
def test_hostile_files_raise_only_errors_of_ours(shared: Path) -> None:
    files = sorted((shared / "corpora" / "images").iterdir())
    outcomes = [opened(lambda data: decode(data, LIMIT), file.read_bytes()) for file in files[::3]]
    assert outcomes.count("opened") > len(outcomes) // 2


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"tEXt", b"iCCP"])
@pytest.mark.parametrize("behind", [False, True])
def test_a_png_with_a_huge_remark_is_a_good_picture(kind: bytes, behind: bool) -> None:
    packed = zlib.compress(bytes(80_000_000))
    body = {
        b"zTXt": b"Comment\0\0" + packed,
        b"iTXt": b"Comment\0\1\0\0\0" + packed,
        b"tEXt": b"Comment\0" + b"a" * 3_000_000,
        b"iCCP": b"profile\0\0" + packed,
    }[kind]
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    plain = picture("PNG", (300, 240), 9)
    at = plain.index(b"IEND") - 4 if behind else 33  # before the end, or behind the header
    data = plain[:at] + chunk + plain[at:]
    assert read_header(data) == read_header(plain)
    assert decode(data, 10_000_000).image.tobytes() == decode(plain, 10_000_000).image.tobytes()


def test_pages_of_a_tiff_are_counted_no_further_than_asked() -> None:
    pages = [Image.new("L", (80, 70), level) for level in range(9)]
    out = BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    assert [read_header(out.getvalue(), most).frames for most in (1, 4, 9, 20)] == [1, 4, 9, 9]
    assert read_header(out.getvalue(), 20).width == 80


def test_a_png_keeps_the_text_that_says_how_it_is_turned() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    body = b"iTXtXML:com.adobe.xmp\0\0\0\0\0" + xmp
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    plain = picture("PNG", (300, 240), 9)
    turned = decode(plain[:33] + chunk + plain[33:], LIMIT)
    assert (turned.width, turned.height) == (240, 300)

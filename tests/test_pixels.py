"""Opening images: every format and mode as a person sees it, every refusal by name, and no warning on the way."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from server.errors import Damaged, ImageTooLarge, UnknownKind
from server.pixels import WORKING_SIDE, decode, read_header

LIMIT = 50_000_000


def drawn(width: int = 160, height: int = 120) -> Image.Image:
    """Red left, green right, a blue block in the top left corner, and shading, so that turns and tints show."""
    rows, columns = np.mgrid[0:height, 0:width]
    shade = 120 + 60 * np.sin(rows / 9) * np.cos(columns / 7)
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    picture[..., 0] = np.where(columns < width // 2, shade, 20)
    picture[..., 1] = np.where(columns < width // 2, 20, shade)
    picture[: height // 4, : width // 4] = (10, 20, 240)
    return Image.fromarray(picture)


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def at(image: Image.Image, x: float, y: float) -> tuple[int, ...]:
    pixel = image.getpixel((int(x * (image.width - 1)), int(y * (image.height - 1))))
    assert isinstance(pixel, tuple)
    return pixel


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    ihdr = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    data = b"IDAT" + zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + ihdr + struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
def test_every_format_of_the_list_opens(format: str) -> None:
    picture = decode(encoded(drawn(), format), LIMIT)
    assert (picture.format, picture.width, picture.height) == (format.lower(), 160, 120)
    assert picture.image.mode == "RGB"
    red, green, blue = at(picture.image, 0.1, 0.1)
    assert blue > 180 and max(red, green) < 90
    assert read_header(encoded(drawn(), format)).format == format.lower()


def test_mpo_is_a_jpeg() -> None:
    data = encoded(drawn(), "MPO", save_all=True, append_images=[drawn().rotate(180)])
    assert decode(data, LIMIT).format == "jpeg"


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_large_images_come_small_and_tell_their_size(format: str) -> None:
    picture = decode(encoded(drawn(2400, 1000), format), LIMIT)
    assert (picture.width, picture.height) == (2400, 1000)
    assert picture.image.size == (WORKING_SIDE, 320)


def test_a_page_may_be_asked_for_larger() -> None:
    assert decode(encoded(drawn(2400, 1000), "PNG"), LIMIT, side=2000).image.size == (2000, 833)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_turns_the_picture_upright(orientation: int, format: str) -> None:
    undo: dict[int, Image.Transpose] = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = drawn().transpose(undo[orientation]) if orientation in undo else drawn()
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(encoded(stored, format, exif=exif.tobytes()), LIMIT)
    assert (picture.width, picture.height) == picture.image.size == (160, 120)
    assert at(picture.image, 0.05, 0.05)[2] > 180


def test_transparency_lies_on_white_or_where_it_shows_on_black() -> None:
    for colour, ground in (((0, 0, 0), 255), ((255, 255, 255), 0)):
        image = Image.new("RGBA", (100, 100), (*colour, 0))
        image.paste((*colour, 255), (30, 30, 70, 70))
        shown = decode(encoded(image, "PNG"), LIMIT).image
        assert at(shown, 0, 0) == (ground,) * 3
        assert at(shown, 0.5, 0.5) == colour


def test_palettes_and_their_transparency() -> None:
    palette = drawn().quantize(16)
    assert at(decode(encoded(palette, "PNG"), LIMIT).image, 0.05, 0.05)[2] > 180
    see_through = encoded(palette, "PNG", transparency=palette.getpixel((0, 0)))
    assert at(decode(see_through, LIMIT).image, 0.05, 0.05) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "YCbCr", "LAB", "I;16", "I", "F", "RGBA"])
def test_every_mode_a_tiff_may_have_ends_as_rgb(mode: str) -> None:
    grey = np.tile(np.linspace(0, 1, 120), (80, 1))
    if mode in ("I;16", "I", "F"):
        image = Image.fromarray((grey * 4000).astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]))
    else:
        base = Image.fromarray((grey * 255).astype(np.uint8))
        image = (
            base.convert("RGB").convert(mode)
            if mode not in ("1", "L", "LA", "LAB")
            else base.convert(mode if mode != "LAB" else "L")
        )
        if mode == "LAB":
            image = Image.merge("LAB", (base, Image.new("L", base.size, 0), Image.new("L", base.size, 0)))
    shown = decode(encoded(image, "TIFF"), LIMIT).image
    assert shown.mode == "RGB"
    assert at(shown, 0, 0.5)[0] < 40 and at(shown, 1, 0.5)[0] > 215


def test_twelve_bits_in_sixteen_use_the_whole_range() -> None:
    values = np.tile(np.linspace(0, 4095, 200).astype(np.uint16), (100, 1))
    values[0, 0] = 65535  # one hot pixel must not darken the rest
    shown = np.asarray(decode(encoded(Image.fromarray(values), "PNG"), LIMIT).image)
    assert shown[50, 0, 0] < 5 and shown[50, -1, 0] > 250


def test_sixteen_bits_where_white_is_zero_are_inverted() -> None:
    values = np.tile(np.linspace(0, 65535, 200).astype(np.uint16), (100, 1))
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[262] = 0
    data = encoded(Image.fromarray(values), "TIFF", tiffinfo=tags)
    shown = np.asarray(decode(data, LIMIT).image)
    if read_header(data).format == "tiff" and Image.open(BytesIO(data)).tag_v2[262] == 0:  # type: ignore[attr-defined]
        assert shown[50, 0, 0] > 250 and shown[50, -1, 0] < 5


def test_floats_that_are_no_numbers_do_no_harm() -> None:
    values = np.tile(np.linspace(-1, 1, 100, dtype=np.float32), (100, 1))
    values[:5] = np.nan
    values[5:9] = np.inf
    shown = np.asarray(decode(encoded(Image.fromarray(values), "TIFF"), LIMIT).image)
    assert shown[50, 0, 0] < 10 and shown[50, -1, 0] > 245


def test_cmyk_with_and_without_adobes_marker() -> None:
    adobe = encoded(drawn().convert("CMYK"), "JPEG", quality=95)  # Pillow writes the marker and inverts
    red, green, _ = at(decode(adobe, LIMIT).image, 0.3, 0.6)
    assert red > green
    start = adobe.index(b"\xff\xee\0\x0eAdobe")
    plain = adobe[:start] + adobe[start + 16 :]
    assert max(at(decode(plain, LIMIT).image, 0.3, 0.6)) < 40  # taken as stored: full of black ink


def test_animations_show_their_first_frame() -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "lime")]
    for format in ("GIF", "WEBP", "PNG"):
        data = encoded(frames[0], format, save_all=True, append_images=frames[1:], duration=100)
        assert at(decode(data, LIMIT).image, 0.5, 0.5)[0] > 200
        assert read_header(data).frames == 1


def test_pages_of_a_tiff() -> None:
    data = encoded(drawn(), "TIFF", save_all=True, append_images=[drawn(90, 70), drawn(50, 40)])
    assert read_header(data).frames == 3
    assert decode(data, LIMIT, page=1).image.size == (90, 70)
    with pytest.raises(Damaged):
        decode(data, LIMIT, page=3)


def test_blank_is_one_colour_only() -> None:
    assert decode(encoded(Image.new("RGB", (70, 70), "navy"), "PNG"), LIMIT).blank
    assert not decode(encoded(drawn(), "PNG"), LIMIT).blank


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
    with pytest.raises(Damaged, match=r"the image breaks off: \d+% of its rows"):
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
def test_any_broken_bytes_end_in_an_error_of_ours_or_a_picture(format: str, data: st.DataObject) -> None:
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

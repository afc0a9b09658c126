"""Decoding: every format and mode as a screen shows it, every refusal with its error, and no warnings."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from server.contract.errors import Damaged
from server.imaging.decode import MAX_FRAMES, WORKING_SIDE, decode, decode_frames, sampled_frames
from server.imaging.header import read_header
from tests.drawn import at, drawn, encoded

LIMIT = 50_000_000


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
def test_every_format_of_the_list_opens(format: str) -> None:
    raster = decode(encoded(drawn(), format), LIMIT)
    assert (raster.format, raster.width, raster.height) == (format.lower(), 200, 160)
    assert raster.image.mode == "RGB"
    red, green, blue = at(raster.image, 0.1, 0.1)
    assert blue > 180 and max(red, green) < 90
    assert read_header(encoded(drawn(), format)).format == format.lower()


def test_mpo_is_a_jpeg() -> None:
    data = encoded(drawn(), "MPO", save_all=True, append_images=[drawn().rotate(180)])
    assert decode(data, LIMIT).format == "jpeg"


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_large_images_come_small_and_tell_their_size(format: str) -> None:
    raster = decode(encoded(drawn(2400, 1000), format), LIMIT)
    assert (raster.width, raster.height) == (2400, 1000)
    assert raster.image.size == (WORKING_SIDE, 320)


def test_a_page_may_be_asked_for_larger() -> None:
    assert decode(encoded(drawn(2400, 1000), "PNG"), LIMIT, side=2000).image.size == (2000, 833)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_turns_the_image_upright(orientation: int, format: str) -> None:
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
    raster = decode(encoded(stored, format, exif=exif.tobytes()), LIMIT)
    assert (raster.width, raster.height) == raster.image.size == (200, 160)
    assert at(raster.image, 0.05, 0.05)[2] > 180


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


def animation(format: str, count: int = 20) -> bytes:
    """A loop whose first frame, a title card, is black, and whose other frames get brighter by 10."""
    frames = [Image.new("RGB", (60, 40), (10 * number,) * 3) for number in range(count)]
    out = BytesIO()
    options = {"lossless": True} if format == "WEBP" else {}
    frames[0].save(out, format, save_all=True, append_images=frames[1:], duration=40, loop=0, **options)
    return out.getvalue()


@pytest.mark.parametrize("format", ["GIF", "WEBP"])
def test_an_animation_gives_an_even_sample_of_its_frames(format: str) -> None:
    rasters = decode_frames(animation(format), LIMIT)
    levels = [raster.image.getpixel((5, 5))[0] for raster in rasters]  # type: ignore[index]
    assert levels == pytest.approx([20, 60, 100, 140, 180], abs=3)
    assert {(raster.format, raster.width, raster.height) for raster in rasters} == {(format.lower(), 60, 40)}


def test_an_animation_that_is_cut_short_gives_the_frames_that_are_there() -> None:
    whole = animation("GIF")
    for share in (0.3, 0.5, 0.66, 0.9):
        assert 1 < len(decode_frames(whole[: int(len(whole) * share)], LIMIT)) <= MAX_FRAMES


def test_what_does_not_move_is_one_image() -> None:
    out = BytesIO()
    Image.new("RGB", (60, 40)).save(out, "GIF")
    assert len(decode_frames(out.getvalue(), LIMIT)) == 1
    pages = [Image.new("L", (50 + page, 40), page * 80) for page in range(3)]
    out = BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    assert [raster.width for raster in decode_frames(out.getvalue(), LIMIT, page=2)] == [52]


@pytest.mark.parametrize(
    ("count", "size", "wanted"),
    [
        (1, (60, 40), [0]),
        (3, (60, 40), [0, 1, 2]),
        (10, (60, 40), [1, 3, 5, 7, 9]),
        (10_000, (2_000, 2_000), [1, 4, 7, 10, 13]),  # as far as MAX_ANIMATION_PIXELS: 15 frames
        (5, (9_000, 9_000), [0]),  # not even one frame's pixels: the first
    ],
)
def test_frames_are_spread_evenly_and_no_further_than_can_be_decoded(count: int, size: tuple[int, int], wanted: list[int]) -> None:
    assert sampled_frames(count, *size) == wanted


def test_pages_of_a_tiff() -> None:
    data = encoded(drawn(), "TIFF", save_all=True, append_images=[drawn(90, 70), drawn(50, 40)])
    assert read_header(data, 5).frames == 3
    assert decode(data, LIMIT, page=1).image.size == (90, 70)
    with pytest.raises(Damaged):
        decode(data, LIMIT, page=3)


def test_blank_is_one_colour_only() -> None:
    assert decode(encoded(Image.new("RGB", (70, 70), "navy"), "PNG"), LIMIT).blank
    assert not decode(encoded(drawn(), "PNG"), LIMIT).blank

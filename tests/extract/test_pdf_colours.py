"""Colours, masks and codecs of images in a PDF are extracted as the page shows them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.drawn import at, drawn, encoded
from tests.extract.pdfs import image_object, is_blue, stream, the_image, written


async def test_a_soft_mask_becomes_transparency() -> None:
    mask = Image.new("L", (200, 160), 0)
    mask.paste(255, (0, 0, 100, 160))
    page = written(
        "q 200 0 0 160 50 100 cm /I5 Do Q",
        image_object(drawn(), "/ColorSpace/DeviceRGB/BitsPerComponent 8/SMask 6 0 R"),
        image_object(mask, "/ColorSpace/DeviceGray/BitsPerComponent 8"),
    )
    image, candidate = await the_image(page)
    assert image.mode == "RGBA"
    assert [pixel[3] for pixel in (image.getpixel((20, 80)), image.getpixel((180, 80)))] == [255, 0]  # type: ignore[index]
    assert candidate.place.box == (50, 140, 200, 160)


async def test_a_jpeg_with_a_mask_is_not_passed_bare() -> None:
    mask = Image.new("L", (200, 160), 0)
    jpeg = stream(
        "/Type/XObject/Subtype/Image/Width 200/Height 160/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode/SMask 6 0 R",
        encoded(drawn()),
    )
    image, _ = await the_image(
        written("200 0 0 160 0 0 cm /I5 Do", jpeg, image_object(mask, "/ColorSpace/DeviceGray/BitsPerComponent 8"))
    )
    assert image.format == "PNG" and image.mode == "RGBA"


@pytest.mark.parametrize(("space", "mode"), [("DeviceRGB", "RGB"), ("DeviceGray", "L"), ("DeviceCMYK", "CMYK")])
async def test_raw_colour_spaces(space: str, mode: str) -> None:
    picture = drawn().convert(mode)
    image, _ = await the_image(
        written("200 0 0 160 0 0 cm /I5 Do", image_object(picture, f"/ColorSpace/{space}/BitsPerComponent 8"))
    )
    assert image.size == (200, 160) and image.mode in ("RGB", "L")
    if mode != "L":
        assert is_blue(at(image, 0.1, 0.1))


async def test_palette_decode_array_and_separation() -> None:
    indexed = drawn().quantize(16)
    palette = bytes(indexed.getpalette() or [])[:48].hex()
    image, _ = await the_image(
        written(
            "200 0 0 160 0 0 cm /I5 Do",
            image_object(indexed, f"/ColorSpace[/Indexed/DeviceRGB 15<{palette}>]/BitsPerComponent 8"),
        )
    )
    assert is_blue(at(image, 0.1, 0.1))
    grey = Image.linear_gradient("L")
    inverted, _ = await the_image(
        written("200 0 0 200 0 0 cm /I5 Do", image_object(grey, "/ColorSpace/DeviceGray/BitsPerComponent 8/Decode[1 0]"))
    )
    assert at(inverted, 0.5, 0)[0] > 240
    ink = "/ColorSpace[/Separation/Black/DeviceGray<</FunctionType 2/Domain[0 1]/C0[1]/C1[0]/N 1>>]/BitsPerComponent 8"
    separated, _ = await the_image(written("200 0 0 200 0 0 cm /I5 Do", image_object(grey, ink)))
    assert at(separated, 0.5, 0)[0] > 240 and at(separated, 0.5, 1)[0] < 15


async def test_cmyk_jpegs_are_converted() -> None:
    jpeg = encoded(drawn().convert("CMYK"), quality=95)
    entries = "/Type/XObject/Subtype/Image/Width 200/Height 160/ColorSpace/DeviceCMYK/BitsPerComponent 8/Filter/DCTDecode"
    image, _ = await the_image(written("200 0 0 160 0 0 cm /I5 Do", stream(f"{entries}/Decode[1 0 1 0 1 0 1 0]", jpeg)))
    assert image.format == "PNG" and image.mode == "RGB"
    assert is_blue(at(image, 0.1, 0.1))


async def test_jpeg_2000_is_re_encoded() -> None:
    jpx = encoded(drawn(), "JPEG2000")
    image, _ = await the_image(
        written("200 0 0 160 0 0 cm /I5 Do", stream("/Type/XObject/Subtype/Image/Width 200/Height 160/Filter/JPXDecode", jpx))
    )
    assert image.format == "PNG" and is_blue(at(image, 0.1, 0.1))


async def test_inline_images() -> None:
    grey = Image.linear_gradient("L").resize((80, 80))
    content = b"q 80 0 0 80 10 10 cm BI /W 80 /H 80 /BPC 8 /CS /G /F /AHx ID " + grey.tobytes().hex().encode() + b"> EI Q"
    image, candidate = await the_image(written(content))
    assert image.size == (80, 80) and candidate.place.box == (10, 310, 80, 80)


@pytest.mark.parametrize(("colour", "ink", "paper"), [("0 g", 0, 255), ("1 g", 255, 0), ("1 0 0 rg", 76, 255)])
async def test_stencils_show_their_ink(colour: str, ink: int, paper: int) -> None:
    bits = np.zeros((100, 104), dtype=np.uint8)
    bits[30:70, 30:70] = 1
    stencil = image_object(
        Image.new("1", (104, 100)), "/ImageMask true/BitsPerComponent 1/Decode[1 0]", np.packbits(bits, axis=1).tobytes()
    )
    image, _ = await the_image(written(f"{colour} 104 0 0 100 0 0 cm /I5 Do", stencil))
    grey = image.convert("L")
    assert (grey.getpixel((50, 50)), grey.getpixel((5, 5))) == (ink, paper)

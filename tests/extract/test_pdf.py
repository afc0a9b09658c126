"""PDFs made on the spot: each way in which a page shows an image, and what comes of it."""

from __future__ import annotations

import hashlib
import zlib
from contextlib import aclosing
from io import BytesIO
from typing import Any

import numpy as np
import pymupdf
import pytest
from PIL import Image

from server.extract.pdf import extract_pdf
from server.records import Candidate, Found, Notice, Skipped, Source
from server.settings import Settings

PAGE = "/Type/Page/Parent 2 0 R/MediaBox[0 0 400 400]"


def drawn(width: int = 200, height: int = 160) -> Image.Image:
    """Reddish left, greenish right, blue in the top left corner."""
    rows, columns = np.mgrid[0:height, 0:width]
    shade = 130 + 50 * np.sin(rows / 9) * np.cos(columns / 7)
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    picture[..., 0] = np.where(columns < width // 2, shade, 30)
    picture[..., 1] = np.where(columns < width // 2, 30, shade)
    picture[: height // 4, : width // 4] = (10, 20, 240)
    return Image.fromarray(picture)


def encoded(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def stream(entries: str, data: bytes) -> bytes:
    return f"<<{entries}/Length {len(data)}>>\nstream\n".encode() + data + b"\nendstream"


def image_object(image: Image.Image, entries: str = "/ColorSpace/DeviceRGB/BitsPerComponent 8", data: bytes | None = None) -> bytes:
    head = f"/Type/XObject/Subtype/Image/Width {image.width}/Height {image.height}/Filter/FlateDecode{entries}"
    return stream(head, zlib.compress(image.tobytes() if data is None else data))


def written(content: str | bytes, *objects: bytes, page: str = "", resources: str = "") -> bytes:
    """A PDF of one page; `objects` are number 5 and on, and images of the page by the names I5, I6 ..."""
    names = "".join(f"/I{number} {number} 0 R" for number in range(5, 5 + len(objects)))
    content = content.encode() if isinstance(content, str) else content
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<<{PAGE}{page}/Contents 4 0 R/Resources<</XObject<<{names}>>{resources}>>>>".encode(),
        stream("", content),
        *objects,
    ]
    out, offsets = b"%PDF-1.7\n", []
    for number, part in enumerate(parts, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + part + b"\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    end = f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n{table}trailer\n<</Size {len(parts) + 1}/Root 1 0 R>>\n"
    return out + end.encode() + f"startxref\n{len(out)}\n%%EOF\n".encode()


async def read(data: bytes, **settings: Any) -> list[Found]:
    return [found async for found in extract_pdf(Source("pdf", "test.pdf", data=data), Settings(**settings))]


async def the_image(data: bytes) -> tuple[Image.Image, Candidate]:
    [candidate] = await read(data)
    assert isinstance(candidate, Candidate), candidate
    return Image.open(BytesIO(candidate.data)), candidate


def at(image: Image.Image, x: float, y: float) -> tuple[int, int, int]:
    pixel = image.convert("RGB").getpixel((int(x * (image.width - 1)), int(y * (image.height - 1))))
    assert isinstance(pixel, tuple)
    return pixel[0], pixel[1], pixel[2]


def is_blue(pixel: tuple[int, int, int]) -> bool:
    return pixel[2] > 120 and max(pixel[:2]) < 90


async def test_a_jpeg_passes_unchanged_with_page_box_and_title() -> None:
    jpeg = encoded(drawn())
    document = pymupdf.open()
    document.new_page(width=400, height=500)
    document.new_page(width=400, height=500).insert_image((50, 60, 250, 220), stream=jpeg)
    document.set_metadata({"title": "A study"})
    title, candidate = await read(document.tobytes())
    assert title == Notice(title="A study")
    assert isinstance(candidate, Candidate)
    assert hashlib.sha256(candidate.data).digest() == hashlib.sha256(jpeg).digest()
    assert (candidate.place.kind, candidate.place.page, candidate.place.box) == ("embedded", 2, (50, 60, 200, 160))


async def test_one_image_on_many_pages_is_the_same_bytes_at_many_places() -> None:
    document = pymupdf.open()
    first = document.new_page()
    xref = first.insert_image((0, 0, 200, 160), stream=encoded(drawn(), "PNG"))
    for _ in range(3):
        document.new_page().insert_image((10, 10, 210, 170), xref=xref)
    found = await read(document.tobytes())
    assert [one.place.page for one in found if isinstance(one, Candidate)] == [1, 2, 3, 4]
    assert len({one.data for one in found if isinstance(one, Candidate)}) == 1


async def test_the_first_image_comes_before_the_last_page_is_read() -> None:
    """Page 2 of this file takes for ever: forms that draw forms, ten times each, nine deep."""
    found = []
    async with aclosing(extract_pdf(Source("pdf", "slow", data=endless(page=2)), Settings(pdf_timeout_s=60))) as founds:
        async for one in founds:
            found.append(one)
            break
    assert isinstance(found[0], Candidate) and found[0].place.page == 1


def endless(page: int) -> bytes:
    document = pymupdf.open()
    for number in (1, 2):
        shown = document.new_page(width=400, height=400)
        shown.insert_image((0, 0, 200, 160), stream=encoded(drawn()))
        if number == page:
            forms = [document.get_new_xref() for _ in range(10)]
            for index, xref in enumerate(forms):
                inner = f"/Resources<</XObject<</F {forms[index + 1]} 0 R>>>>" if index + 1 < len(forms) else ""
                document.update_object(xref, f"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]{inner}>>")
                document.update_stream(xref, b"/F Do " * 10 if inner else b"0 0 1 1 re f " * 10)
            contents = document.get_new_xref()
            document.update_object(contents, "<<>>")
            document.update_stream(contents, b"/F Do")
            document.xref_set_key(shown.xref, "Contents", f"{contents} 0 R")
            document.xref_set_key(shown.xref, "Resources", f"<</XObject<</F {forms[0]} 0 R>>>>")
    return bytes(document.tobytes())


async def test_time_is_bounded_and_what_came_stays() -> None:
    found = await read(endless(page=2), pdf_timeout_s=3)
    assert isinstance(found[0], Candidate)
    assert isinstance(found[-1], Notice) and found[-1].code == "timed_out"


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


async def test_strips_are_joined_as_the_page_shows_them() -> None:
    whole, height = drawn(), 0
    content, strips = "", []
    for index, rows in enumerate((48, 48, 48, 16)):
        strips.append(image_object(whole.crop((0, height, 200, height + rows))))
        height += rows
        content += f"q 100 0 0 {rows / 2} 50 {300 - height / 2} cm /I{5 + index} Do Q "
    image, candidate = await the_image(written(content, *strips))
    assert candidate.place.box == (50, 100, 100, 80)
    assert np.abs(np.asarray(image, dtype=int) - np.asarray(whole, dtype=int)).max() == 0


async def test_tiles_are_joined_and_a_neighbour_is_not() -> None:
    whole = drawn()
    content, tiles = "", []
    for index, (x, y) in enumerate([(0, 0), (128, 0), (0, 128), (128, 128)]):
        right, bottom = min(200, x + 128), min(160, y + 128)
        tiles.append(encoded(whole.crop((x, y, right, bottom)), quality=95))
        content += f"q {right - x} 0 0 {bottom - y} {x} {400 - bottom} cm /I{5 + index} Do Q "
    content += "q 200 0 0 160 210 240 cm /I9 Do Q"
    objects = [
        stream(
            f"/Type/XObject/Subtype/Image/Width {min(128, 200 - x)}/Height {min(128, 160 - y)}"
            "/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode",
            tile,
        )
        for (x, y), tile in zip([(0, 0), (128, 0), (0, 128), (128, 128)], tiles, strict=True)
    ]
    joined, alone = await read(written(content, *objects, image_object(whole)))
    assert isinstance(joined, Candidate) and isinstance(alone, Candidate)
    image = Image.open(BytesIO(joined.data))
    assert image.size == (200, 160) and is_blue(at(image, 0.1, 0.1))
    assert np.abs(np.asarray(image, dtype=int) - np.asarray(whole, dtype=int)).mean() < 4
    assert (joined.place.box, alone.place.box) == ((0, 0, 200, 160), (210, 0, 200, 160))


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
async def test_turned_pages_show_upright_pictures(turn: int) -> None:
    image, candidate = await the_image(written("q 200 0 0 160 0 240 cm /I5 Do Q", image_object(drawn()), page=f"/Rotate {turn}"))
    assert candidate.place.box is not None
    corner = {0: (0.1, 0.1), 90: (0.9, 0.1), 180: (0.9, 0.9), 270: (0.1, 0.9)}[turn]
    assert is_blue(at(image, *corner))
    assert image.size == ((200, 160) if turn % 180 == 0 else (160, 200))
    place = {0: (0, 0, 200, 160), 90: (240, 0, 160, 200), 180: (200, 240, 200, 160), 270: (0, 200, 160, 200)}[turn]
    assert candidate.place.box == place


async def test_images_in_forms_and_annotations_are_seen() -> None:
    form = stream(
        "/Type/XObject/Subtype/Form/BBox[0 0 400 400]/Resources<</XObject<</I6 6 0 R>>>>", b"q 200 0 0 160 20 30 cm /I6 Do Q"
    )
    _, candidate = await the_image(written("/I5 Do", form, image_object(drawn())))
    assert candidate.place.box == (20, 210, 200, 160)


async def test_small_images_are_skipped_and_counted() -> None:
    [skipped] = await read(written("30 0 0 30 0 0 cm /I5 Do", image_object(drawn(30, 30))))
    assert isinstance(skipped, Skipped) and skipped.reason == "too_small" and skipped.place.page == 1


async def test_a_page_of_text_and_lines_has_no_image() -> None:
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((72, 72), "No picture here")
    page.draw_circle((200, 200), 50)
    assert await read(document.tobytes()) == []

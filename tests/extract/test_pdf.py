"""PDFs made here: every way in which a page draws an image, and what is extracted."""

from __future__ import annotations

import hashlib
from contextlib import aclosing
from io import BytesIO

import numpy as np
import pymupdf
import pytest
from PIL import Image

from server.contract.records import Candidate, Notice, Skipped, Source
from server.extract.readers import extract_pdf
from server.settings import Settings
from tests.drawn import at, drawn, encoded
from tests.extract.pdfs import endless, image_object, is_blue, read, stream, the_image, written


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
    async with aclosing(extract_pdf(Source("pdf", "slow", data=endless(page=2)), Settings(reader_timeout_s=60))) as founds:
        async for one in founds:
            found.append(one)
            break
    assert isinstance(found[0], Candidate) and found[0].place.page == 1


async def test_time_is_bounded_and_what_came_stays() -> None:
    found = await read(endless(page=2), reader_timeout_s=3)
    assert isinstance(found[0], Candidate)
    assert isinstance(found[-1], Notice) and found[-1].code == "timed_out"


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
async def test_turned_pages_show_upright_images(turn: int) -> None:
    image, candidate = await the_image(written("q 200 0 0 160 0 240 cm /I5 Do Q", image_object(drawn()), page=f"/Rotate {turn}"))
    assert candidate.place.box is not None
    corner = {0: (0.1, 0.1), 90: (0.9, 0.1), 180: (0.9, 0.9), 270: (0.1, 0.9)}[turn]
    assert is_blue(at(image, *corner))
    assert image.size == ((200, 160) if turn % 180 == 0 else (160, 200))
    place = {0: (0, 0, 200, 160), 90: (240, 0, 160, 200), 180: (200, 240, 200, 160), 270: (0, 200, 160, 200)}[turn]
    assert candidate.place.box == place


async def test_images_in_forms_and_annotations_are_found() -> None:
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

"""HEIC, JPEG XL and JPEG 2000 become upright RGB; too large ones are refused by their header, broken ones by name."""

from __future__ import annotations

import pillow_heif
import pytest
from PIL import Image

from server.contract.errors import Damaged, ImageTooLarge, MedlensError
from server.contract.records import Candidate, Source
from server.extract.readers import extract_image
from server.imaging.convert import convert
from server.imaging.jxl_size import jxl_size
from server.imaging.signature import needs_conversion
from server.settings import Settings
from tests.drawn import at, drawn, encoded

FORMATS = ("HEIF", "JXL", "JPEG2000")
assert pillow_heif.__version__


@pytest.mark.parametrize("format", FORMATS)
def test_the_picture_is_that_of_the_file(format: str) -> None:
    data = encoded(drawn(), format)
    assert needs_conversion(data)
    image = convert(data, 10**6, 3000)
    assert (image.mode, image.size) == ("RGB", (200, 160))
    assert at(image, 0.1, 0.1)[2] > 200 and at(image, 0.9, 0.5)[1] > 60


@pytest.mark.parametrize("format", FORMATS)
def test_size_is_checked_by_the_header_and_shrunk_to_the_side(format: str) -> None:
    data = encoded(drawn(), format)
    with pytest.raises(ImageTooLarge, match="200 x 160 pixels"):
        convert(data, 1000, 3000)
    assert convert(data, 10**6, 100).size == (100, 80)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kept", [20, 60, 300])
def test_a_cut_file_is_damaged(format: str, kept: int) -> None:
    with pytest.raises(MedlensError):
        convert(encoded(drawn(), format)[:kept], 10**6, 3000)


@pytest.mark.parametrize("size", [(200, 160), (8, 8), (256, 192), (1000, 1000), (640, 360), (3000, 7)])
def test_the_header_of_jpeg_xl_says_its_size(size: tuple[int, int]) -> None:
    assert jxl_size(encoded(Image.new("RGB", size), "JXL")) == size


def test_a_gigapixel_in_a_header_of_jpeg_xl_is_refused_and_a_broken_one_damaged() -> None:
    bits = "0" + "11" + f"{2**30 - 1:030b}"[::-1] + "001"[::-1]
    packed = int(bits[::-1], 2).to_bytes(8, "little")
    with pytest.raises(ImageTooLarge):
        convert(b"\xff\x0a" + packed + bytes(20), 10**8, 3000)
    with pytest.raises(Damaged):
        convert(b"\xff\x0a", 10**8, 3000)


@pytest.mark.parametrize("format", FORMATS)
async def test_a_file_is_read_in_its_child_as_png(format: str) -> None:
    source = Source("image", "a", data=encoded(drawn(), format))
    [candidate] = [one async for one in extract_image(source, Settings())]
    assert isinstance(candidate, Candidate) and candidate.data.startswith(b"\x89PNG")

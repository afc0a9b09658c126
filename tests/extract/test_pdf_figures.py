"""Pictures of a PDF page that no image object holds are rendered; what is no picture is left alone."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image

from server.contract.records import Candidate, Skipped
from server.extract import pdf_figures
from server.extract.pdf_draws import draws_of
from server.extract.pdf_figures import MAX_REGIONS, MIN_PATHS, figures_of, looks_like_picture
from tests.drawn import at, drawn, encoded
from tests.extract.pdfs import candidates, image_object, is_blue, read, stream, the_image, written


def grey(side: int = 64) -> np.ndarray:
    """Soft blots of all tones, as a scan has."""
    blots = np.random.default_rng(0).integers(0, 255, (12, 12), np.uint8)
    return np.asarray(Image.fromarray(blots).resize((side, side), Image.Resampling.BICUBIC))


def as_paths(tones: np.ndarray, x: float, y: float, step: float = 2.0) -> str:
    """A filled square for each pixel."""
    rows, columns = tones.shape
    return " ".join(
        f"{tones[row, column] / 255:.2f} g {x + column * step:g} {y - row * step:g} {step} {step} re f"
        for row in range(rows)
        for column in range(columns)
    )


def same(image: Image.Image, tones: np.ndarray) -> float:
    small = np.asarray(image.convert("L").resize((tones.shape[1], tones.shape[0]), Image.Resampling.BOX), dtype=float)
    return float(np.corrcoef(small.ravel(), tones.ravel())[0, 1])


async def test_a_scan_of_thousands_of_squares_is_rendered() -> None:
    tones = grey()
    image, candidate = await the_image(written(as_paths(tones, 100, 300)))
    assert candidate.place.box == pytest.approx((100, 98, 128, 128), abs=1)
    assert max(image.size) >= 600 and same(image, tones) > 0.95


async def test_a_scan_of_one_path_for_each_grey_is_rendered() -> None:
    tones = np.asarray(Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 32), np.uint8)).resize((128, 128))) // 8 * 8
    parts = []
    for level in np.unique(tones):
        squares = "".join(f"{100 + column} {300 - row} 1 1 re " for row, column in np.argwhere(tones == level))
        parts.append(f"{level / 255:.3f} g {squares} f")
    image, _ = await the_image(written("\n".join(parts)))
    assert same(image, tones) > 0.9


async def test_a_mesh_of_colours_is_rendered() -> None:
    tones = grey(48)
    vertices = b"".join(
        struct.pack(">HHB", round(column / 47 * 65535), round((47 - row) / 47 * 65535), tones[row, column])
        for row in range(48)
        for column in range(48)
    )
    entries = (
        "/ShadingType 5/ColorSpace/DeviceGray/BitsPerCoordinate 16/BitsPerComponent 8/VerticesPerRow 48/Decode[100 300 100 300 0 1]"
    )
    image, candidate = await the_image(written("/S sh", stream(entries, vertices), resources="/Shading<</S 5 0 R>>"))
    assert candidate.place.box == pytest.approx((100, 100, 200, 200), abs=2)
    assert same(image, tones) > 0.9


async def test_charts_gradients_and_tables_are_no_pictures() -> None:
    random = np.random.default_rng(0)
    dots = " ".join(f"0.2 0.4 0.8 rg {x:.1f} {y:.1f} 2 2 re f" for x, y in random.uniform(60, 340, (3 * MIN_PATHS, 2)))
    rules = " ".join(f"0 g {x} {y} 3 1 re f" for x in range(50, 350, 6) for y in range(50, 350, 10))
    gradient = " ".join(f"{column / 150:.3f} g {60 + column * 2} 60 2 280 re f" for column in range(140))
    for content in (dots, rules, gradient * 10):
        assert candidates(await read(written(content))) == []


async def test_an_image_under_thousands_of_marks_stays_the_image() -> None:
    content = "q 128 0 0 128 100 174 cm /I5 Do Q " + as_paths(grey(), 100, 300)
    [found] = await read(written(content, encoded_image()))
    assert isinstance(found, Candidate) and Image.open(BytesIO(found.data)).size == (200, 160)


def encoded_image() -> bytes:
    return stream(
        "/Type/XObject/Subtype/Image/Width 200/Height 160/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode",
        encoded(drawn()),
    )


async def test_a_stencil_filled_with_a_pattern_is_rendered() -> None:
    """The stencil lets the pattern's image through in its left half only; the image itself is not found a second time."""
    mask = np.zeros((160, 200), dtype=bool)
    mask[:, 100:] = True  # 1 is left out
    stencil = stream(
        "/Type/XObject/Subtype/Image/ImageMask true/Width 200/Height 160/BitsPerComponent 1", np.packbits(mask, axis=1).tobytes()
    )
    pattern = stream(
        "/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 400 400]/XStep 400/YStep 400"
        "/Resources<</XObject<</P 7 0 R>>>>",
        b"q 200 0 0 160 50 100 cm /P Do Q",
    )
    content = "/Pattern cs /T scn q 200 0 0 160 50 100 cm /I5 Do Q"
    image, candidate = await the_image(written(content, stencil, pattern, image_object(drawn()), resources="/Pattern<</T 6 0 R>>"))
    assert candidate.place.box == (50, 140, 200, 160) and image.size == (200, 160)
    assert is_blue(at(image, 0.1, 0.1)) and at(image, 0.9, 0.5) == (255, 255, 255)


def type3(glyph: bytes, width: int = 224) -> bytes:
    font = f"<</Type/Font/Subtype/Type3/FontBBox[0 0 {width} {width}]/FontMatrix[.01 0 0 .01 0 0]/CharProcs<</a 6 0 R>>"
    font += f"/Encoding<</Differences[97/a]>>/FirstChar 97/LastChar 97/Widths[{width}]/Resources<<>>>>"
    return written("BT /F 100 Tf 60 60 Td (a) Tj ET", font.encode(), stream("", glyph), resources="/Font<</F 5 0 R>>")


async def test_a_picture_in_a_glyph_is_rendered_and_a_letter_is_not() -> None:
    dithered = np.random.default_rng(0).integers(0, 255, (128, 128)) > np.asarray(drawn(128, 128).convert("L"))
    head = b"224 0 0 0 224 224 d1 q 224 0 0 224 0 0 cm BI /W 128 /H 128 /IM true /BPC 1 ID "
    image, candidate = await the_image(type3(head + np.packbits(~dithered, axis=1).tobytes() + b" EI Q"))
    assert candidate.place.box == pytest.approx((60, 116, 224, 224), abs=2) and min(image.size) > 500
    letter = b"224 0 0 0 224 224 d1 20 20 40 180 re f 20 90 180 30 re f 160 20 40 180 re f"
    assert candidates(await read(type3(letter))) == []


def test_figures_over_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of many stencils with patterns: as many as MAX_REGIONS are rendered."""
    stencil = stream("/Type/XObject/Subtype/Image/ImageMask true/Width 64/Height 64/BitsPerComponent 1", bytes(64 * 8))
    pattern = stream(
        "/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep 9/YStep 9/Resources<<>>", b"0 0 5 5 re f"
    )
    draws = " ".join(f"q 64 0 0 64 {number * 10} {number * 10} cm /I5 Do Q" for number in range(MAX_REGIONS + 3))
    data = written(f"/Pattern cs /T scn {draws}", stencil, pattern, resources="/Pattern<</T 6 0 R>>")
    page = pymupdf.open(stream=data, filetype="pdf")[0]
    assert len(figures_of(page, draws_of(page))[0]) == MAX_REGIONS + 3


async def test_the_report_says_that_figures_were_left_out() -> None:
    stencil = stream("/Type/XObject/Subtype/Image/ImageMask true/Width 64/Height 64/BitsPerComponent 1", bytes(64 * 8))
    pattern = stream(
        "/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep 9/YStep 9/Resources<<>>", b"0 0 5 5 re f"
    )
    draws = " ".join(f"q 64 0 0 64 {number * 10} {number * 10} cm /I5 Do Q" for number in range(MAX_REGIONS + 3))
    found = await read(written(f"/Pattern cs /T scn {draws}", stencil, pattern, resources="/Pattern<</T 6 0 R>>"))
    assert len(candidates(found)) == MAX_REGIONS
    assert [one.reason for one in found if isinstance(one, Skipped)] == ["too_many"]


def test_paths_are_looked_at_as_far_as_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_figures, "MAX_PATHS", 10)
    page = pymupdf.open(stream=written(as_paths(grey(), 100, 300)), filetype="pdf")[0]
    assert figures_of(page, draws_of(page)) == ([], set())


def test_what_looks_like_a_picture() -> None:
    assert looks_like_picture(grey())
    assert not looks_like_picture(np.full((64, 64), 200, np.uint8))
    assert not looks_like_picture(np.tile(np.arange(0, 256, 2, dtype=np.uint8), (64, 1)))


async def test_a_picture_in_a_soft_mask_of_a_tiny_image_has_the_masks_size() -> None:
    base = image_object(Image.new("RGB", (2, 2), "white"), "/ColorSpace/DeviceRGB/BitsPerComponent 8/SMask 6 0 R")
    mask = image_object(drawn().convert("L"), "/ColorSpace/DeviceGray/BitsPerComponent 8")
    image, _ = await the_image(written("q 0 g 0 0 400 400 re f 200 0 0 160 50 100 cm /I5 Do Q", base, mask))
    assert image.size == (200, 160)
    assert same(image.getchannel("A"), np.asarray(drawn().convert("L"))) > 0.99


async def test_images_beside_the_page_are_skipped_by_name() -> None:
    content = "q 200 0 0 160 50 100 cm /I5 Do Q q 200 0 0 160 900 900 cm /I5 Do Q q 200 0 0 160 300 100 cm /I5 Do Q"
    found = await read(written(content, image_object(drawn())))
    assert [one.place.box for one in candidates(found)] == [(50, 140, 200, 160), (300, 140, 200, 160)]
    assert [(one.reason, one.place.page) for one in found if isinstance(one, Skipped)] == [("off_page", 1)]


@pytest.mark.parametrize(
    ("page", "matrix"), [("/Rotate 90", "200 0 0 160 50 100"), ("", "-200 0 0 160 250 100"), ("", "200 0 0 -160 50 260")]
)
async def test_a_jpeg_that_the_page_turns_is_upright_as_its_lossless_twin(page: str, matrix: str) -> None:
    content = f"q {matrix} cm /I5 Do Q"
    turned, _ = await the_image(written(content, encoded_image(), page=page))
    twin, _ = await the_image(written(content, image_object(drawn()), page=page))
    assert turned.size == twin.size
    assert np.abs(np.asarray(turned, dtype=int) - np.asarray(twin, dtype=int)).mean() < 6


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "sizes", "reasons"),
    [
        ("pdf_smask_picture/p1_smask.pdf", [(224, 224)], []),
        ("pdf_rotated_jpeg/p4_rotate_jpeg.pdf", [(240, 414)], []),
        ("pdf_rotated_jpeg/p4_rotate_flate.pdf", [(240, 414)], []),
        ("pdf_offpage/p16_hidden.pdf", [(224, 224)], ["off_page"]),
        ("pdf_type3/p12_type3.pdf", [(641, 641)], []),
        ("pdf_html_before/phpwarn.pdf", [(224, 224)], []),
    ],
)
async def test_inputs_from_public_reports(shared: Path, file: str, sizes: list[tuple[int, int]], reasons: list[str]) -> None:
    found = await read((shared / "corpora/field" / file).read_bytes())
    assert [Image.open(BytesIO(one.data)).size for one in candidates(found)] == sizes
    assert [one.reason for one in found if isinstance(one, Skipped)] == reasons

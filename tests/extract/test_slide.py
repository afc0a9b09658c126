"""Whole-slide images: a thumbnail and tiles with tissue, read by path in a confined child; damaged files, bombs and limits."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from server.contract import extras
from server.contract.errors import Damaged, DocumentError
from server.contract.extracted import Extracted
from server.contract.extras import ExtraMissing
from server.contract.records import Candidate
from server.extract.readers import extract_file
from server.kinds.registry import BY_NAME
from server.kinds.slide import THUMBNAIL_SIDE, TILE_SIDE, TILES
from server.settings import Settings
from server.source.open import open_path
from tests.extract.packed import codes, images, read_as, reasons

SIDE = 3600
DESCRIPTION = "Aperio Image Library v11\n0x0 [0,0 0x0] (240x240) JPEG/RGB Q=70|AppMag = 20|MPP = 0.5"


def slide(side: int = SIDE, tissue: int = 2000, levels: int = 3) -> bytes:
    """A pyramid of tiles: glass, and at the top left tissue in pink, whose shade says where it is."""
    rng, tissue = np.random.default_rng(1), min(tissue, side)
    pixels = np.full((side, side, 3), 243, dtype=np.uint8)
    shade = (np.arange(tissue) * 60 // max(tissue, 1)).astype(np.uint8)
    pixels[:tissue, :tissue] = np.stack(
        [np.broadcast_to(230 - shade, (tissue, tissue)), np.full((tissue, tissue), 130), np.full((tissue, tissue), 190)], -1
    )
    pixels[:tissue, :tissue] += rng.integers(0, 20, (tissue, tissue, 1), dtype=np.uint8)
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        for level in range(levels):
            small = np.ascontiguousarray(pixels[:: 4**level, :: 4**level])
            described = DESCRIPTION if level == 0 else None
            reduced = int(level > 0)
            file.write(small, tile=(256, 256), compression="zlib", subfiletype=reduced, description=described, metadata=None)
    return out.getvalue()


def opened(one: Candidate) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(one.data)).convert("RGB")).astype(int)


async def read_path(path: Path, **settings: Any) -> list[Extracted]:
    source = open_path(path)
    assert source.kind == "slide"
    return [found async for found in extract_file(BY_NAME["slide"], source, Settings(**settings))]


@pytest.mark.parametrize("by_path", [True, False])
async def test_a_thumbnail_and_tiles_with_tissue(tmp_path: Path, by_path: bool) -> None:
    data = slide()
    (tmp_path / "a.svs").write_bytes(data)
    found = images(await read_path(tmp_path / "a.svs") if by_path else await read_as("a.svs", data))
    thumbnail, *tiles = found
    assert max(opened(thumbnail).shape) == THUMBNAIL_SIDE
    assert thumbnail.place.box == (0, 0, SIDE, SIDE)
    assert 2 <= len(tiles) <= TILES
    for number, tile in enumerate(tiles):
        assert tile.place.box is not None
        x, y, width, height = tile.place.box
        assert (tile.place.page, width, height) == (number + 2, TILE_SIDE, TILE_SIDE)
        assert max(x, y) < 2000  # no tile of glass
        pixels = opened(tile)
        assert pixels.shape == (TILE_SIDE, TILE_SIDE, 3)
        assert abs(pixels[200, 300, 0] - (230 - (x + 300) * 60 // 2000)) < 22
    assert len({tile.place.box for tile in tiles}) == len(tiles)


async def test_the_number_of_tiles_is_bounded() -> None:
    data = slide(tissue=SIDE)
    assert len(images(await read_as("a.svs", data, {"tile_side": 256}))) == 1 + TILES
    boxes = [one.place.box for one in images(await read_as("a.svs", data, {"tile_side": 256}))[1:]]
    for edge in (0, 1):  # spread over the whole slide
        assert {int(box[edge] // (SIDE / 2)) for box in boxes if box} == {0, 1}
    assert len(images(await read_as("a.svs", slide(tissue=300), {"tile_side": 256, "max_tiles_read": 1}))) <= 2


async def test_a_slide_without_an_overview_gives_tiles() -> None:
    found = await read_as("a.svs", slide(levels=1), max_pixels=2_000_000)
    assert reasons(found) == ["too_many_pixels"]
    assert images(found)
    assert max(max(one.place.box[:2]) for one in images(found) if one.place.box) < 2000


async def test_damaged_slides_and_other_tiffs_have_an_error_or_give_a_part() -> None:
    data = slide(side=1500, tissue=1500)
    with pytest.raises(Damaged, match="does not open"):
        await read_as("a.svs", data[:5000])
    flat = io.BytesIO()
    Image.new("RGB", (300, 300)).save(flat, "TIFF")
    with pytest.raises(Damaged, match="OpenSlide"):
        await read_as("a.svs", flat.getvalue())
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        offset, size = file.pages[0].dataoffsets[7], file.pages[0].databytecounts[7]
    broken = data[:offset] + b"\xff" * size + data[offset + size :]
    found = await read_as("a.svs", broken, {"tile_side": 512})
    assert images(found)
    assert set(reasons(found)) == {"broken"}
    assert codes(found) == ["damaged"]
    assert len(images(found)) + len(reasons(found)) == 10  # the overview and 9 tiles


async def test_a_bomb_is_refused_within_the_readers_memory() -> None:
    """A header that names tiles of gigabytes, which are not in the file."""
    data = bytearray(slide(side=600, tissue=600, levels=1))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        tags = file.pages[0].tags
        for name in ("ImageWidth", "ImageLength", "TileWidth", "TileLength"):
            tag = tags[name]
            data[tag.valueoffset : tag.valueoffset + 4] = (60_000 if tag.dtype == 3 else 300_000).to_bytes(4, "little")
    try:
        found = await read_as("a.svs", bytes(data))
    except DocumentError:
        return
    assert not images(found)
    assert reasons(found)


async def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(ExtraMissing, match=r"medlens\[slides\]"):
        await read_as("a.svs", slide(side=600))

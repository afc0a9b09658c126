"""Figures drawn from textures: panels are found where they stand, and single images stay whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from server.imaging.decode import Raster, decode
from server.panels import cutting, split
from server.panels.split import MAX_PANELS, find_panels, split_panels

Canvas = NDArray[np.uint8]
WHITE, GREY = 255, 128


def texture(height: int, width: int, seed: int, low: int = 40, high: int = 215) -> Canvas:
    """An image-like patch: blurred noise, stretched."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(height, width)), 3)
    noise = np.clip((noise - noise.mean()) / (4 * noise.std()) + 0.5, 0, 1)
    grain = np.random.default_rng(seed + 1000).normal(0, 2, (height, width))
    return np.clip(low + noise * (high - low) + grain, 0, 255).astype(np.uint8)


def canvas(height: int, width: int, colour: int = WHITE) -> Canvas:
    return np.full((height, width), colour, np.uint8)


def put(page: Canvas, patch: Canvas, top: int, left: int) -> tuple[int, int, int, int]:
    page[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
    return left, top, patch.shape[1], patch.shape[0]


def boxes(page: Canvas) -> list[tuple[int, int, int, int]]:
    return [(b.left, b.top, b.width, b.height) for b in find_panels(page)]


def near(found: list[tuple[int, int, int, int]], true: list[tuple[int, int, int, int]], slack: int = 4) -> bool:
    return len(found) == len(true) and bool(np.abs(np.array(sorted(found)) - np.array(sorted(true))).max() <= slack)


def chart(height: int, width: int) -> Canvas:
    image = Image.new("L", (width, height), WHITE)
    draw = ImageDraw.Draw(image)
    draw.rectangle((30, 15, width - 5, height - 25), outline=0)
    draw.line([(x, height // 2 + round(40 * np.sin(x / 20))) for x in range(30, width - 5)], fill=60, width=2)
    for i in range(5):
        draw.text((5, 15 + i * (height - 40) // 5), str(i * 10), fill=0)
    return np.asarray(image).copy()


@pytest.mark.parametrize("colour", [255, 0, GREY, 60])
@pytest.mark.parametrize("gap", [3, 12])
def test_a_grid_is_split_at_gutters_of_any_colour(colour: int, gap: int) -> None:
    page = canvas(300 + gap, 400 + gap, colour)
    low, high = (120, 250) if colour == 60 else (40, 215)
    true = [put(page, texture(150, 200, 2 * i + j, low, high), i * (150 + gap), j * (200 + gap)) for i in (0, 1) for j in (0, 1)]
    assert near(boxes(page), true)


def test_panels_without_a_gutter_are_split_at_the_seam() -> None:
    page = canvas(220, 460)
    true = [put(page, texture(220, 200, 1), 0, 0), put(page, texture(220, 260, 2), 0, 200)]
    assert near(boxes(page), true)


def test_mixed_sizes_are_split_recursively() -> None:
    page = canvas(320, 490)
    true = [
        put(page, texture(320, 320, 1), 0, 0),
        put(page, texture(155, 160, 2), 0, 330),
        put(page, texture(155, 160, 3), 165, 330),
    ]
    assert near(boxes(page), true)


def test_a_scan_beside_a_chart() -> None:
    page = canvas(240, 560)
    true = [put(page, texture(240, 240, 1), 0, 0), put(page, chart(240, 290), 0, 265)]
    found = boxes(page)
    assert len(found) == 2
    assert near(found[:1], true[:1])
    assert found[1][0] >= 265


def test_labels_and_captions_are_no_panels() -> None:
    page = canvas(260, 430)
    true = [put(page, texture(200, 200, 1), 0, 0), put(page, texture(200, 200, 2), 0, 230)]
    image = Image.fromarray(page)
    draw = ImageDraw.Draw(image)
    draw.text((90, 204), "(a)", fill=0)
    draw.text((320, 204), "(b)", fill=0)
    draw.text((208, 60), "ab", fill=0)
    draw.text((10, 235), "Figure 1. Before and after the treatment of the patient.", fill=0)
    assert near(boxes(np.asarray(image)), true)


def test_slices_that_repeat_on_black_are_panels() -> None:
    page = canvas(200, 640, 0)
    rows, cols = np.ogrid[-60:60, -50:50]
    brain = np.where((rows / 60) ** 2 + (cols / 50) ** 2 < 1, texture(120, 100, 1, 60, 220), 0).astype(np.uint8)
    true = [put(page, brain, 40, 30 + 150 * i) for i in range(4)]
    assert near(boxes(page), true, 8)


def test_two_organs_on_black_are_one_image() -> None:
    page = canvas(240, 400, 0)
    rows, cols = np.ogrid[-90:90, -60:60]
    lung = np.where((rows / 90) ** 2 + (cols / 60) ** 2 < 1, texture(180, 120, 1, 60, 220), 0).astype(np.uint8)
    put(page, lung, 30, 50)
    put(page, lung[:, ::-1], 30, 230)
    assert boxes(page) == []


def test_single_images_stay_whole() -> None:
    scan = canvas(300, 300, 0)
    put(scan, texture(240, 200, 1), 30, 50)
    framed = canvas(300, 340)
    put(framed, texture(240, 280, 2), 20, 30)
    page = Image.new("L", (500, 640), WHITE)
    for i in range(38):
        for column in (20, 260):
            ImageDraw.Draw(page).text((column, 20 + 16 * i), "The words of a page in two columns, line", fill=0)
    for image in (scan, framed, texture(300, 400, 3), chart(300, 400), np.asarray(page), canvas(200, 200)):
        assert boxes(image) == []


def test_the_limits_refuse() -> None:
    small = canvas(20, 45)
    for left in (0, 25):
        put(small, texture(20, 20, left), 0, left)
    assert boxes(small) == [], "thinner than MIN_SIDE"
    lost = canvas(900, 700)
    for left in (20, 400):
        put(lost, texture(120, 120, left), 100, left)
    image = Image.fromarray(lost)
    for i in range(40):
        ImageDraw.Draw(image).text((20, 300 + 14 * i), "The words of a page around two small photographs, " * 2, fill=0)
    assert boxes(np.asarray(image)) == [], "images fill less than IMAGES_SHARE"
    bar = canvas(300, 420)
    put(bar, texture(300, 340, 1), 0, 0)
    put(bar, texture(300, 40, 2), 0, 380)
    assert boxes(bar) == [], "longer than MAX_ASPECT"


def test_the_smallest_panels_beyond_the_cap_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    page = canvas(100, 520)
    true = [put(page, texture(100, 120, i), 0, 130 * i) for i in range(4)]
    assert len(true) <= MAX_PANELS
    monkeypatch.setattr(split, "MAX_PANELS", 3)
    assert len(boxes(page)) == 3


def test_the_bound_on_blocks_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    page = canvas(100, 520)
    for i in range(4):
        put(page, texture(100, 120, i), 0, 130 * i)
    monkeypatch.setattr(cutting, "MAX_BLOCKS", 1)
    assert boxes(page) == []


def test_boxes_are_in_pixels_of_the_original() -> None:
    page = canvas(200, 420)
    put(page, texture(200, 200, 1), 0, 0)
    put(page, texture(200, 200, 2), 0, 220)
    raster = Raster("png", 840, 400, Image.fromarray(page).convert("RGB"))
    assert np.allclose(split_panels(raster), [(0, 0, 400, 400), (440, 0, 400, 400)], atol=4)
    assert split_panels(raster) == split_panels(raster)


def test_scans_of_the_shared_folder_stay_whole(shared: Path) -> None:
    files = [path for label in ("ct", "mri", "xray", "ultrasound") for path in sorted((shared / "data" / label).iterdir())[::60]]
    cut = [path.name for path in files if split_panels(decode(path.read_bytes(), 10**8))]
    assert len(cut) <= len(files) // 50

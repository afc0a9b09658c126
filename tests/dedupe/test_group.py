"""One image with all its places: exact copies, near duplicates, and neighbouring slices that must not fold."""

from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom.data import get_testdata_file

from server.contract.records import Place, UniqueImage
from server.dedupe import group
from server.dedupe.fingerprint import distance, grey_of, largest_difference, phash_of, sha256_of
from server.dedupe.group import Grouper, originals
from server.imaging.decode import Raster, decode

LIMIT = 10**8


def raster(image: Image.Image, format: str = "PNG", **options: Any) -> Raster:
    out = BytesIO()
    image.save(out, format, **options)
    return decode(out.getvalue(), LIMIT)


def scan(seed: int = 0, side: int = 480) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 255, (12, 12), dtype=np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


def unique(name: str, phash: str | None, size: tuple[int, int], grey: bytes | None = None) -> UniqueImage:
    return UniqueImage(name, *size, "png", 1, (), b"", phash, grey)


def near(grouper: Grouper, name: str, one: Raster) -> str | None:
    return grouper.near_duplicate(unique(name, phash_of(one), (one.width, one.height), grey_of(one)))


def test_sha256_is_of_the_bytes() -> None:
    assert sha256_of(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_same_bytes_are_first_once_and_keep_their_places() -> None:
    grouper = Grouper()
    places = [Place("https://a.example/x.png", "img", box=(0, 0, 10, 10)), Place("https://b.example/y.png", "background")]
    assert grouper.add("one", places[0])
    assert not grouper.add("one", places[1])
    assert grouper.add("two", places[1])
    assert grouper.places("one") == tuple(places)
    assert grouper.places("never seen") == ()


def test_a_fuller_place_takes_over_from_a_bare_one() -> None:
    grouper = Grouper()
    bare, full = Place("https://a.example/x.png", "other"), Place("https://a.example/x.png", "img", alt="knee", box=(1, 2, 3, 4))
    grouper.add("one", bare)
    grouper.add("one", full)
    assert grouper.places("one") == (full,)
    grouper.add("one", bare)
    grouper.add("one", full)
    assert grouper.places("one") == (full,)


def test_one_address_standing_twice_is_two_places() -> None:
    grouper = Grouper()
    places = tuple(Place("https://a.example/x.png", "img", box=(0, y, 10, 10)) for y in (0, 50))
    for place in places:
        grouper.add("one", place)
    assert grouper.places("one") == places


def test_places_of_one_image_are_bounded() -> None:
    grouper = Grouper()
    for page in range(group.MAX_PLACES + 50):
        grouper.add("logo", Place(None, "embedded", page=page))
    assert len(grouper.places("logo")) == group.MAX_PLACES


COPIES = [
    pytest.param(lambda image: raster(image, "JPEG", quality=40), id="jpeg"),
    pytest.param(lambda image: raster(image, "WEBP", quality=60), id="webp"),
    pytest.param(lambda image: raster(image.resize((240, 240), Image.Resampling.LANCZOS), "JPEG"), id="half"),
    pytest.param(lambda image: raster(image.resize((901, 900))), id="larger"),
    pytest.param(lambda image: raster(image.convert("RGB"), "AVIF", quality=60), id="avif"),
]


@pytest.mark.parametrize("copy", COPIES)
def test_resized_and_re_encoded_copies_fold(copy: Any) -> None:
    grouper = Grouper()
    assert near(grouper, "original", raster(scan())) is None
    assert near(grouper, "other", raster(scan(1))) is None
    assert near(grouper, "copy", copy(scan())) == "original"
    assert near(grouper, "original", raster(scan())) is None


def test_all_copies_point_to_the_first() -> None:
    grouper = Grouper()
    near(grouper, "first", raster(scan(side=120)))
    assert [near(grouper, str(side), raster(scan(side=side))) for side in (240, 480)] == ["first", "first"]


def test_another_aspect_ratio_is_another_image() -> None:
    grouper = Grouper()
    near(grouper, "square", raster(scan()))
    assert near(grouper, "wide", raster(scan().resize((560, 480)))) is None


def test_a_small_lesion_makes_another_image() -> None:
    grouper = Grouper()
    near(grouper, "healthy", raster(scan()))
    ill = scan()
    spot = Image.new("L", (60, 60), 255 if ill.getpixel((230, 230)) < 128 else 0)  # type: ignore[operator]
    ill.paste(spot, (200, 200))
    assert near(grouper, "ill", raster(ill)) is None


def test_remembered_without_its_grey_copy_only_the_same_hash_counts() -> None:
    one, grouper = raster(scan()), Grouper()
    phash = phash_of(one)
    other = f"{int(phash, 16) ^ 0b11:016x}"
    assert grouper.near_duplicate(unique("one", phash, (480, 480))) is None
    assert grouper.near_duplicate(unique("copy", phash, (240, 240))) == "one"
    assert grouper.near_duplicate(unique("close", other, (480, 480))) is None


def test_real_scans_do_not_fold() -> None:
    """CT and MR files that the pydicom wheel ships, and neighbouring frames of one ultrasound loop, are different images."""
    rasters = []
    for name in ("CT_small.dcm", "MR_small.dcm"):
        pixels = pydicom.dcmread(get_testdata_file(name, download=False)).pixel_array.astype(float)
        grey = (pixels - pixels.min()) / (pixels.max() - pixels.min()) * 255
        for seen in (grey, grey[:, ::-1], grey[::-1]):
            rasters += [raster(Image.fromarray(np.ascontiguousarray(seen).astype(np.uint8)))]
    grouper = Grouper()
    assert [near(grouper, str(index), one) for index, one in enumerate(rasters)] == [None] * len(rasters)


@pytest.mark.shared
def test_labelled_images_do_not_fold_and_their_copies_do(shared: Path) -> None:
    files = sorted((shared / "data" / "ct").glob("*.jpg"))
    chosen = random.Random(0).sample(files, min(150, len(files)))
    grouper, folded, found = Grouper(), 0, 0
    for file in chosen:
        one = decode(file.read_bytes(), LIMIT)
        folded += near(grouper, file.name, one) is not None
        copy = raster(one.image.resize((max(1, one.width * 2 // 3), max(1, one.height * 2 // 3))), "JPEG", quality=70)
        found += near(grouper, f"{file.name} copy", copy) == file.name
    assert folded <= 1
    assert found >= 0.9 * len(chosen)


GREY = st.binary(min_size=1024, max_size=1024)
PHASH = st.integers(0, 2**64 - 1).map(lambda bits: f"{bits:016x}")


@given(PHASH, PHASH, GREY, GREY)
def test_distances_are_distances(one: str, other: str, grey: bytes, other_grey: bytes) -> None:
    assert distance(one, one) == 0 and largest_difference(grey, grey) == 0
    assert distance(one, other) == distance(other, one) <= 64
    assert largest_difference(grey, other_grey) == largest_difference(other_grey, grey) >= 0


def test_plain_images_are_the_same_only_in_one_grey() -> None:
    assert largest_difference(bytes(1024), b"\1" * 1024) < group.NEAR_DIFFERENCE < largest_difference(bytes(1024), b"\xff" * 1024)


# Hashes and greys that lie close together, so that chains occur: a copies b and b copies c, but a does not copy c.
CHAINS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 60)), min_size=2, max_size=12)


@given(CHAINS, st.randoms(use_true_random=False))
def test_the_groups_do_not_depend_on_which_image_came_first(drawn: list[tuple[int, int]], rng: random.Random) -> None:
    images = [
        unique(str(number), f"{(1 << bits) - 1:016x}", (200 + number, 200 + number), bytes(512) + bytes([shade]) * 512)
        for number, (bits, shade) in enumerate(drawn)
    ]
    grouped = originals(images)
    assert originals(rng.sample(images, len(images))) == grouped
    for copy, original in grouped.items():
        assert grouped[original] == original
        assert int(original) >= int(copy)  # the larger of the two


def test_the_original_is_the_largest_and_of_several_the_first() -> None:
    phash, grey = "00ff00ff00ff00ff", bytes(range(256)) * 4
    small, large, again = (
        unique(name, phash, (side, side), grey) for name, side in (("small", 200), ("large", 400), ("again", 400))
    )
    assert originals([small, large, again]) == dict.fromkeys(("small", "large", "again"), "large")
    assert originals([again, small, large]) == dict.fromkeys(("small", "large", "again"), "again")
    assert originals([unique("undecoded", None, (400, 400)), large]) == {"undecoded": "undecoded", "large": "large"}


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 255), st.booleans()), max_size=80))
def test_comparing_all_hashes_at_once_finds_what_comparing_each_pair_finds(drawn: list[tuple[int, int, bool]]) -> None:
    """Hashes around three, so that many are close; some images were not decoded."""
    grey = bytes(range(256)) * 4
    around = (0, 0xFFFF_FFFF_0000_0000, 0x0F0F_0F0F_0F0F_0F0F)
    images = [
        unique(str(number), None if lost else f"{around[near] ^ bits:016x}", (200, 100), grey)
        for number, (near, bits, lost) in enumerate(drawn)
    ]
    grouper, kept = Grouper(), list[UniqueImage]()
    for image in images:
        expected = next((one.sha256 for one in kept if group.are_copies(one, image)), None)
        assert grouper.near_duplicate(image) == expected
        assert grouper.near_duplicate(image) == expected  # asked again, nothing changes
        if expected is None:
            kept.append(image)

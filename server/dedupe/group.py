"""Groups the images of one scan: exact copies by the hash of their bytes, near duplicates by their fingerprints.

While a scan runs, the first copy found is the original of the others, because its verdict may be shown before the last one is
found. Once all are known, `originals` groups them again, so that every scan of the same images has the same groups, in whatever
order the images were found.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from server.contract.records import Place, UniqueImage
from server.dedupe.fingerprint import distance, largest_difference

# Bits of 64 in which the hashes of two copies may differ, and how far their grey copies may (fingerprint.largest_difference).
# Chosen by benchmarks/near_duplicates.py: neighbouring slices of one CT have hashes as close as copies, and must not be grouped.
NEAR_BITS = 6
NEAR_DIFFERENCE = 0.35
# An image that was stored by a version without grey copies has none; then the hashes must be equal.
NEAR_BITS_WITHOUT_GREY = 0
# Logarithm of the ratio of two aspect ratios; one pixel of rounding on the shorter side is allowed as well.
SAME_ASPECT = 0.01
# Hashes for which there is room at first: most pages have fewer images.
FIRST_ROOM = 64
# Places kept of one image: a spacer repeated ten thousand times must not fill the report.
MAX_PLACES = 200


class Grouper:
    """The images that one scan has found so far."""

    def __init__(self) -> None:
        self._places: dict[str, list[Place]] = {}
        self._originals = Originals()

    @property
    def count(self) -> int:
        """How many different images were found, by their bytes."""
        return len(self._places)

    def add(self, sha256: str, place: Place) -> bool:
        """Add a place of the image with these bytes; True when the image is new.

        A page yields an image when it arrives, with its address only, and again with box, alternative text and nearby texts. The
        fuller place replaces the one with only the address; the latter is not added beside it. In the same way the place on a
        rendered page of a web archive replaces the place that the archive's HTML gives.
        """
        if (known := self._places.get(sha256)) is None:
            self._places[sha256] = [place]
            return True
        same = [index for index, other in enumerate(known) if (other.url, other.page) == (place.url, place.page)]
        if place in known or (same and _has_only_address(place)):
            return False
        if (bare := next((index for index in same if _is_fuller(place, known[index])), None)) is not None:
            known[bare] = place
        elif len(known) < MAX_PLACES:
            known.append(place)
        return False

    def places(self, sha256: str) -> tuple[Place, ...]:
        """The places of the image found so far, in order."""
        return tuple(self._places.get(sha256, ()))

    def near_duplicate(self, image: UniqueImage) -> str | None:
        """The SHA-256 of an earlier image of which this one is a resized or re-encoded copy; None when there is none."""
        original = self._originals.of(image)
        if original is None:
            self._originals.add(image)
            return None
        return original.sha256 if original.sha256 != image.sha256 else None


class Originals:
    """Images that are copies of no other, in the order in which they were added."""

    def __init__(self) -> None:
        self._images: list[UniqueImage] = []
        self._hashes = np.zeros(FIRST_ROOM, np.uint64)  # of the images, and room for more

    def add(self, image: UniqueImage) -> None:
        """Add an image; one that was not decoded is left out, since it has no copies."""
        if image.phash is None:
            return
        if len(self._images) == len(self._hashes):
            self._hashes = np.concatenate([self._hashes, np.zeros_like(self._hashes)])
        self._hashes[len(self._images)] = int(image.phash, 16)
        self._images.append(image)

    def of(self, image: UniqueImage) -> UniqueImage | None:
        """The first one of which `image` is a copy, or that it is itself; all hashes are compared at once."""
        if image.phash is None:
            return None
        bits = np.bitwise_count(self._hashes[: len(self._images)] ^ np.uint64(int(image.phash, 16)))
        near = (self._images[index] for index in np.flatnonzero(bits <= NEAR_BITS))
        return next((other for other in near if are_copies(other, image)), None)


def originals(images: Iterable[UniqueImage]) -> dict[str, str]:
    """The original of each image: the largest image of which it is a copy (the first of equally large ones), or itself."""
    largest_first = sorted(images, key=lambda image: -image.width * image.height)
    found = Originals()
    original_of: dict[str, str] = {}
    for image in largest_first:
        original = found.of(image)
        if original is None:
            found.add(image)
        original_of[image.sha256] = (original or image).sha256
    return original_of


def _has_only_address(place: Place) -> bool:
    return place.box is None and place.alt is None and place.tag is None and not place.texts


def _is_fuller(place: Place, known: Place) -> bool:
    return _has_only_address(known) or (place.box is not None and known.box is None)


def are_copies(one: UniqueImage, other: UniqueImage) -> bool:
    """Whether one is a resized or re-encoded copy of the other; False for an image that was not decoded."""
    if one.phash is None or other.phash is None:
        return False
    bits = distance(one.phash, other.phash)
    if bits > NEAR_BITS:
        return False
    smallest = min(one.width, one.height, other.width, other.height)
    aspect = abs(math.log(one.width / one.height) - math.log(other.width / other.height))
    if aspect > SAME_ASPECT + 1 / smallest:
        return False
    if one.grey is None or other.grey is None:
        return bits <= NEAR_BITS_WITHOUT_GREY
    return largest_difference(one.grey, other.grey) <= NEAR_DIFFERENCE

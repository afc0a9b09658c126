"""One image, all the places it was seen: exact copies by the hash of their bytes, near copies by what they show.

Incremental, for one scan: the first copy met stands for the others, since its verdict may be shown before the last is found.
It compares fingerprints; it opens no image and knows no verdict.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from server.contract.records import Place
from server.dedupe.fingerprint import difference, distance

# Bits of 64 in which the hashes of two copies may differ, and how far their grey copies may (fingerprint.difference). Chosen by
# benchmarks/near_duplicates.py: neighbouring slices of one CT have hashes as close as copies have, and must not fold.
NEAR_BITS = 6
NEAR_DIFFERENCE = 0.35
# For an image remembered without its grey copy the hash must be the very same.
NEAR_BITS_BLIND = 0
# Logarithm of the ratio of two aspect ratios; a pixel lost to rounding on the shorter side is forgiven as well.
SAME_ASPECT = 0.01
# Places kept of one image: a spacer repeated ten thousand times must not fill the report.
MAX_PLACES = 200


@dataclass(frozen=True, slots=True)
class _Shown:
    sha256: str
    phash: str
    width: int
    height: int
    grey: bytes | None


class Grouper:
    """What one scan has seen so far."""

    def __init__(self) -> None:
        self._places: dict[str, list[Place]] = {}
        self._shown: list[_Shown] = []

    @property
    def count(self) -> int:
        """How many different files were seen, by their bytes."""
        return len(self._places)

    def first(self, sha256: str, place: Place) -> bool:
        """Note where these bytes were seen; True for the first time.

        A place that says more (a box, an alt text) takes over from one that knows only the address, and the other way round it is
        not kept: browsers report an image when it arrives and again when it stands somewhere.
        """
        if (known := self._places.get(sha256)) is None:
            self._places[sha256] = [place]
            return True
        same = [index for index, other in enumerate(known) if (other.url, other.page) == (place.url, place.page)]
        if place in known or (same and _bare(place)):
            return False
        if (bare := next((index for index in same if _bare(known[index])), None)) is not None:
            known[bare] = place
        elif len(known) < MAX_PLACES:
            known.append(place)
        return False

    def places(self, sha256: str) -> tuple[Place, ...]:
        """Where these bytes were seen so far, in order."""
        return tuple(self._places.get(sha256, ()))

    def near(self, sha256: str, phash: str, width: int, height: int, grey: bytes | None = None) -> str | None:
        """The SHA-256 of the image that this one is a resized or re-encoded copy of; None when it is the first of its kind.

        `grey`: fingerprint.grey_of, None for an image remembered from another scan (then only equal hashes count).
        """
        candidate = _Shown(sha256, phash, width, height, grey)
        for shown in self._shown:
            if shown.sha256 == sha256:
                return None
            if _copies(shown, candidate):
                return shown.sha256
        self._shown.append(candidate)
        return None


def _bare(place: Place) -> bool:
    return place.box is None and place.alt is None and place.tag is None


def _copies(one: _Shown, other: _Shown) -> bool:
    bits = distance(one.phash, other.phash)
    if bits > NEAR_BITS:
        return False
    smallest = min(one.width, one.height, other.width, other.height)
    aspect = abs(math.log(one.width / one.height) - math.log(other.width / other.height))
    if aspect > SAME_ASPECT + 1 / smallest:
        return False
    if one.grey is None or other.grey is None:
        return bits <= NEAR_BITS_BLIND
    return difference(one.grey, other.grey) <= NEAR_DIFFERENCE

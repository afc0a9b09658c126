"""The order of a Report's images: by file, then by page, from the top of a page to its foot, from left to right.

The store numbers the images of a finished scan in this order and reads them in it, so that the Report, the scan's page, the ZIP,
every CSV and the popup agree. An image with several places is sorted by the first of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from server.contract.records import JudgedImage, Place, PlaceKind

# Kinds of places inside a file, which their `url` names; other places are on the web page that was scanned.
OF_A_FILE: frozenset[PlaceKind] = frozenset({"file", "embedded", "frame"})


def in_page_order(images: Iterable[JudgedImage]) -> tuple[JudgedImage, ...]:
    """`images` sorted by their first place; the order of images at the same place is kept."""
    return tuple(sorted(images, key=lambda judged: min(map(_position, judged.image.places), default=_NOWHERE)))


def _position(place: Place) -> tuple[bool, str, float, float, float]:
    """(has no position, file, page, top, left).

    An image of a web page without a box was loaded but is not visible, and comes last.
    """
    of_a_file = place.kind in OF_A_FILE
    top, left = (place.box[1], place.box[0]) if place.box else (inf, inf)
    file = (place.url or "") if of_a_file else ""
    return (place.box is None and not of_a_file, file, inf if place.page is None else place.page, top, left)


_NOWHERE = (True, "", inf, inf, inf)

"""The order in which a person meets the images of a page or a document: page by page, from the top, from the left.

Workers judge images as they arrive, so a Report's own order is that of arrival. Images without a box (backgrounds that were only
loaded, files) come after those that stand somewhere, in the order of arrival. static/gallery.js orders live cards by the same rule.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf

from server.records import JudgedImage, Report


def place_of(judged: JudgedImage) -> tuple[float, float, float]:
    """(page, top, left) of the first spot where it stands; pages count from 1, what has none is page 0."""
    spots = ((place.page or 0, *((place.box[1], place.box[0]) if place.box else (inf, inf))) for place in judged.image.places)
    return min(spots, default=(inf, inf, inf))


def in_page_order(report: Report) -> Report:
    return replace(report, images=tuple(sorted(report.images, key=place_of)))

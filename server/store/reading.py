"""Builds Reports from rows. The verdict shown for an image is its correction, else that of its original, else its own.

A near duplicate shows the verdict of its original, so that a group has one verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, and_, bindparam, func, select

from server.contract.page_order import in_page_order
from server.contract.records import Report, ScanError
from server.store.codec import judged_of
from server.store.tables import images, scan_images, scans, verdicts

_own, _original = verdicts.alias("own"), verdicts.alias("original")
_original_image = images.alias("original_image")

_SHOWN = (
    "model_version", "modality", "is_medical", "confidence", "uncertain", "medical_sure", "contains", "agree", "probabilities",
    "members",
)  # fmt: skip

# every image of every scan, with the verdict it shows there
IMAGES = (
    select(
        scan_images.c.sha256,
        scan_images.c.near_duplicate_of,
        scan_images.c.cached,
        scan_images.c.places,
        scan_images.c.context,
        images.c.width,
        images.c.height,
        images.c.format,
        images.c.size,
        images.c.phash,
        func.coalesce(images.c.corrected_as, _original_image.c.corrected_as).label("corrected_as"),
        *(func.coalesce(_original.c[name], _own.c[name]).label(name) for name in _SHOWN),
        _own.c.panels,  # the original's panels have boxes in the pixels of the original
    )
    .join_from(scan_images, scans, scans.c.id == scan_images.c.scan_id)
    .join(images, images.c.sha256 == scan_images.c.sha256)
    .outerjoin(_own, and_(_own.c.sha256 == scan_images.c.sha256, _own.c.model_version == scans.c.model_version))
    .outerjoin(
        _original, and_(_original.c.sha256 == scan_images.c.near_duplicate_of, _original.c.model_version == scans.c.model_version)
    )
    .outerjoin(_original_image, _original_image.c.sha256 == scan_images.c.near_duplicate_of)
    .where(func.coalesce(_own.c.sha256, _original.c.sha256).is_not(None))
)
IMAGES_OF_SCAN = IMAGES.where(scan_images.c.scan_id == bindparam("scan")).order_by(scan_images.c.position, scan_images.c.sha256)


def report_of(scan: RowMapping, found: Sequence[RowMapping], *, with_context: bool = True) -> Report:
    """A Report from a row of `scans` and the rows of IMAGES_OF_SCAN; without context each has the verdict of its bytes alone."""
    error = ScanError(scan["error_code"], scan["error_message"] or "") if scan["error_code"] else None
    facts: dict[str, Any] = {name: scan[name] for name in _FACTS}
    images = (judged_of(row, cached=row["cached"], with_context=with_context) for row in found)
    notices = tuple(ScanError(one["code"], one["message"]) for one in scan["notices"])
    return Report(**facts, error=error, images=in_page_order(images), notices=notices)


_FACTS = (
    "id",
    "kind",
    "target",
    "title",
    "status",
    "model_version",
    "created_at",
    "started_at",
    "finished_at",
    "timings_ms",
    "found",
    "skipped",
)

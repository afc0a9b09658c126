"""What has changed at an address since the previous scan: images that are new, removed, or have another verdict.

Images are the same when their bytes are; an image that a site encodes again counts as removed and new. Near duplicates are
represented by their original: an image that is folded now and was not before is neither new nor removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select

from server.contract.modalities import Modality
from server.contract.records import JudgedImage
from server.store.database import Database
from server.store.reading import IMAGES
from server.store.tables import scan_images, scans

_earlier, _this = scans.alias("earlier"), scans.alias("this")
_SHOWN = IMAGES.add_columns(scan_images.c.scan_id).subquery()


@dataclass(frozen=True, slots=True)
class Changes:
    """Differences from scan `before`. `removed`: image to its verdict then. `changed`: image to its verdicts then and now."""

    before: UUID
    created_at: datetime
    same_model: bool
    new: frozenset[str]
    removed: Mapping[str, Modality]
    changed: Mapping[str, tuple[Modality, Modality]]

    @property
    def any(self) -> bool:
        return bool(self.new or self.removed or self.changed)


def previous_scan(scan_id: UUID) -> Select[tuple[Any, ...]]:
    """The last finished scan of the same address."""
    return (
        select(_earlier.c.id, _earlier.c.created_at, _earlier.c.model_version)
        .where(
            _this.c.id == scan_id,
            func.md5(_earlier.c.url) == func.md5(_this.c.url),
            _earlier.c.url == _this.c.url,
            _earlier.c.deleted_at.is_(None),
            _earlier.c.status.in_(("done", "partial")),
            _earlier.c.created_at < _this.c.created_at,
        )
        .order_by(_earlier.c.created_at.desc())
        .limit(1)
    )


async def since_previous_scan(
    database: Database, scan_id: UUID, model_version: str | None, images: Iterable[JudgedImage]
) -> Changes | None:
    """How `images`, those of `scan_id`, differ from the previous scan of the same address; None when there is none."""
    async with database.begin() as connection:
        previous = (await connection.execute(previous_scan(scan_id))).first()
        if previous is None:
            return None
        modality_then = func.coalesce(_SHOWN.c.corrected_as, _SHOWN.c.modality)
        wanted = select(_SHOWN.c.sha256, _SHOWN.c.near_duplicate_of, modality_then).where(_SHOWN.c.scan_id == previous.id)
        rows = (await connection.execute(wanted)).all()
    then: dict[str, Modality] = {row[0]: row[2] for row in rows}
    originals_then = {row[0] for row in rows if row[1] is None}
    all_now = {one.image.sha256: one for one in images}
    now = {sha256: one.verdict.modality for sha256, one in all_now.items() if one.image.near_duplicate_of is None}
    return Changes(
        before=previous.id,
        created_at=previous.created_at,
        same_model=previous.model_version == model_version,
        new=frozenset(now.keys() - then.keys()),
        removed={sha256: modality for sha256, modality in then.items() if sha256 in originals_then - all_now.keys()},
        changed={sha256: (then[sha256], one) for sha256, one in now.items() if sha256 in then and then[sha256] != one},
    )

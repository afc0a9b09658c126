"""What has changed on an address since the scan before: images that are new, that are gone, and that are judged differently.

Images are the same when their bytes are; one that a site encodes anew is new and gone at once. Near duplicates are left to their
original: an image that is folded now and was not then is neither. Knows two scans, not why they differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select

from server.contract.records import JudgedImage, Modality
from server.store.database import Database
from server.store.reading import IMAGES
from server.store.tables import scan_images, scans

_earlier, _this = scans.alias("earlier"), scans.alias("this")
SAID = IMAGES.add_columns(scan_images.c.scan_id).subquery()


@dataclass(frozen=True, slots=True)
class Changes:
    """Against scan `before`. `changed`: image to (what was said then, what is said now)."""

    before: UUID
    created_at: datetime
    same_model: bool
    new: frozenset[str]
    gone: Mapping[str, Modality]
    changed: Mapping[str, tuple[Modality, Modality]]

    @property
    def any(self) -> bool:
        return bool(self.new or self.gone or self.changed)


def before(scan_id: UUID) -> Select[tuple[Any, ...]]:
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


async def since_the_last(
    database: Database, scan_id: UUID, model_version: str | None, images: Iterable[JudgedImage]
) -> Changes | None:
    """What `images`, those of `scan_id`, differ in from the last scan of the same address; None when there is none before."""
    async with database.begin() as connection:
        last = (await connection.execute(before(scan_id))).first()
        if last is None:
            return None
        shown = func.coalesce(SAID.c.corrected_as, SAID.c.modality)
        wanted = select(SAID.c.sha256, SAID.c.near_duplicate_of, shown).where(SAID.c.scan_id == last.id)
        rows = (await connection.execute(wanted)).all()
    then: dict[str, Modality] = {row[0]: row[2] for row in rows}
    shown_then = {row[0] for row in rows if row[1] is None}
    every = {one.image.sha256: one for one in images}
    now = {sha256: one.verdict.modality for sha256, one in every.items() if one.image.near_duplicate_of is None}
    return Changes(
        before=last.id,
        created_at=last.created_at,
        same_model=last.model_version == model_version,
        new=frozenset(now.keys() - then.keys()),
        gone={sha256: modality for sha256, modality in then.items() if sha256 in shown_then - every.keys()},
        changed={sha256: (then[sha256], said) for sha256, said in now.items() if sha256 in then and then[sha256] != said},
    )

"""The images before and after one, in the scan or the collection that it was opened from."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from server.store import collected, collections, scans
from server.store.database import Database
from server.web.files.names import name_of
from server.web.pages.scan_page import gallery_of


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Links: `back` to the gallery `name`, `before` and `after` to images (None at an end). `place` counts from 1; 0: not in it."""

    back: str
    name: str
    before: str | None
    after: str | None
    place: int
    total: int


async def in_scan(database: Database, scan_id: UUID, sha256: str) -> Neighbours:
    """In the order of the scan's gallery, near duplicates left out. NotFound if there is no such scan."""
    report = await scans.report(database, scan_id)
    order = [view["sha256"] for view in gallery_of(report, set(), {}, frozenset()) if view["copy_of"] is None]
    place = order.index(sha256) + 1 if sha256 in order else 0
    before = order[place - 2] if place > 1 else None
    after = order[place] if 0 < place < len(order) else None
    return _linked(f"/scans/{scan_id}", name_of(report.title, report.target), f"scan={scan_id}", before, after, place, len(order))


async def in_collection(database: Database, set_id: UUID, sha256: str) -> Neighbours:
    """In the collection's order. NotFound if there is no such collection."""
    name = (await collections.collection(database, set_id)).name
    before, after, place, total = await collected.around(database, set_id, sha256)
    return _linked(f"/collections/{set_id}", name, f"collection={set_id}", before, after, place, total)


def _linked(back: str, name: str, query: str, before: str | None, after: str | None, place: int, total: int) -> Neighbours:
    links = [f"/images/{sha256}?{query}" if sha256 else None for sha256 in (before, after)]
    return Neighbours(back, name, links[0], links[1], place, total)

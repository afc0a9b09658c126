"""One image and everywhere it was seen. Knows images across scans; a scan's own images are its Report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, literal, select, tuple_

from server.errors import NotFound
from server.records import JudgedImage, Place
from server.store.codec import place_of
from server.store.database import Database
from server.store.history import decode_cursor, encode_cursor
from server.store.tables import scan_images, scans
from server.store.verdicts import latest

SIGHTINGS = 50  # a logo may stand in thousands of scans; more come by cursor


@dataclass(frozen=True, slots=True)
class Sighting:
    """One scan that met the image, and where in it."""

    scan_id: UUID
    target: str
    url: str | None
    title: str | None
    created_at: datetime
    places: tuple[Place, ...]


async def image(database: Database, sha256: str) -> JudgedImage:
    """The image with its newest verdict, or the correction; NotFound when it was never judged."""
    found = await latest(database, sha256)
    if found is None:
        raise NotFound(f"no image {sha256}")
    return found


async def sightings(
    database: Database, sha256: str, *, limit: int = SIGHTINGS, cursor: str | None = None
) -> tuple[tuple[Sighting, ...], str | None]:
    """The scans that met the image, newest first, and the cursor of the next page (None on the last)."""
    wanted = (
        select(scans.c.id, scans.c.target, scans.c.url, scans.c.title, scans.c.created_at, scan_images.c.places)
        .join_from(scan_images, scans, scans.c.id == scan_images.c.scan_id)
        .where(scan_images.c.sha256 == sha256, scans.c.deleted_at.is_(None))
        .order_by(scans.c.created_at.desc(), scans.c.id.desc())
        .limit(limit + 1)
    )
    if cursor is not None:
        created_at, scan_id = decode_cursor(cursor)
        wanted = wanted.where(tuple_(scans.c.created_at, scans.c.id) < tuple_(literal(created_at), literal(scan_id)))
    async with database.begin() as connection:
        rows = (await connection.execute(wanted)).all()
    seen = tuple(Sighting(*row[:5], tuple(place_of(place) for place in row.places)) for row in rows[:limit])
    return seen, encode_cursor(seen[-1].created_at, seen[-1].scan_id) if len(rows) > limit else None


async def seen_in(database: Database, shas: list[str]) -> dict[str, int]:
    """In how many scans each image was met."""
    counted = (
        select(scan_images.c.sha256, func.count())
        .join_from(scan_images, scans, scans.c.id == scan_images.c.scan_id)
        .where(scan_images.c.sha256.in_(shas), scans.c.deleted_at.is_(None))
        .group_by(scan_images.c.sha256)
    )
    async with database.begin() as connection:
        return {row[0]: row[1] for row in await connection.execute(counted)}

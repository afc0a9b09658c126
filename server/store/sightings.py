"""One image across scans: its newest verdict, the scans that found it, and where in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import literal, select, text, tuple_

from server.contract.errors import NotFound
from server.contract.records import JudgedImage, Place, SourceKind
from server.contract.verdict import Context
from server.store.codec import context_of, joined_with, place_of
from server.store.columns import digest
from server.store.database import Database
from server.store.order import decode_cursor, encode_cursor
from server.store.tables import scan_images, scans
from server.store.verdicts import latest

SIGHTINGS = 50  # a logo may be in thousands of scans; more come by cursor
MOST_COUNTED = 100  # scans counted per image; "99 or more" is exact enough


@dataclass(frozen=True, slots=True)
class Sighting:
    """A scan that found the image, with the image's places and context in it."""

    scan_id: UUID
    kind: SourceKind
    target: str
    url: str | None
    title: str | None
    created_at: datetime
    places: tuple[Place, ...]
    context: Context | None = None


async def image(database: Database, sha256: str, scan_id: UUID | None = None) -> JudgedImage:
    """The image with its newest verdict, or the correction; as `scan_id` shows it, when given. NotFound: it was never judged."""
    found = await latest(database, sha256)
    if found is None:
        raise NotFound(f"no image {sha256}")
    if scan_id is None or not database.with_context:
        return found
    wanted = select(scan_images.c.context).where(scan_images.c.scan_id == scan_id, scan_images.c.sha256 == sha256)
    async with database.begin() as connection:
        column = await connection.scalar(wanted)
    return replace(found, verdict=joined_with(found.verdict, column))


async def sightings(
    database: Database, sha256: str, *, limit: int = SIGHTINGS, cursor: str | None = None
) -> tuple[tuple[Sighting, ...], str | None]:
    """The scans that found the image, newest first, and the cursor of the next page (None on the last)."""
    wanted = (
        select(*_OF_SCAN, scan_images.c.places, scan_images.c.context)
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
    shown = database.with_context
    found = tuple(
        Sighting(*row[:6], tuple(place_of(place) for place in row.places), context_of(row.context) if shown else None)
        for row in rows[:limit]
    )
    return found, encode_cursor(found[-1].created_at, found[-1].scan_id) if len(rows) > limit else None


async def scan_counts(database: Database, shas: Sequence[str]) -> dict[str, int]:
    """In how many scans each image was found, counted up to MOST_COUNTED: a logo in thousands of scans would cost as many rows."""
    async with database.begin() as connection:
        rows = await connection.execute(SCAN_COUNTS, {"shas": [digest(sha256) for sha256 in shas], "most": MOST_COUNTED})
        return {bytes(row.sha256).hex(): row.scans for row in rows if row.scans}


async def extents(database: Database, scan_ids: Sequence[UUID]) -> dict[tuple[UUID, int | None], tuple[float, float]]:
    """Right and bottom edge of the boxes of each scan and page (page None where there are none): the least size of that page."""
    async with database.begin() as connection:
        rows = await connection.execute(EXTENTS, {"scans": list(scan_ids)})
        return {(row.scan_id, row.page): (row.width, row.height) for row in rows}


_OF_SCAN = (scans.c.id, scans.c.kind, scans.c.target, scans.c.url, scans.c.title, scans.c.created_at)
SCAN_COUNTS = text("""
SELECT wanted.sha256, (
    SELECT count(*) FROM (
        SELECT 1 FROM scan_images JOIN scans ON scans.id = scan_images.scan_id
        WHERE scan_images.sha256 = wanted.sha256 AND scans.deleted_at IS NULL LIMIT :most
    ) AS counted
) AS scans
FROM unnest(CAST(:shas AS bytea[])) AS wanted (sha256)
""")
EXTENTS = text("""
SELECT scan_id, (place ->> 'page')::int AS page,
    max((place -> 'box' ->> 0)::float8 + (place -> 'box' ->> 2)::float8) AS width,
    max((place -> 'box' ->> 1)::float8 + (place -> 'box' ->> 3)::float8) AS height
FROM scan_images, jsonb_array_elements(places) AS place
WHERE scan_id = ANY(:scans) AND place ? 'box'
GROUP BY 1, 2
""")

"""What the database holds, which of it is no longer needed, and removing that.

Finding it reads whole tables (seconds for a million images), so it runs only when a person asks. Images that are corrected, tagged,
noted or in a collection stay.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.database import Database
from server.store.deletion import EVENTS_KEPT, purge
from server.store.named_sets import MARKED_IMAGE

AT_ONCE = 5_000  # images removed in one transaction: about a second, so that others need not wait for all of it

SIZES = text("""
SELECT relname, pg_total_relation_size(oid), greatest(reltuples, 0)::bigint FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 2 DESC, 1
""")
# A thumbnail or heat map of an image that is in no scan and that nobody marked or corrected; a heat map also of an older model.
ORPHAN = f"""
NOT EXISTS (SELECT FROM scan_images WHERE scan_images.sha256 = {{table}}.sha256)
AND NOT EXISTS (SELECT FROM images WHERE images.sha256 = {{table}}.sha256 AND images.corrected_as IS NOT NULL)
AND NOT {MARKED_IMAGE}
"""  # noqa: S608 -- likewise
STALE_HEATMAP = f"(({ORPHAN.format(table='heatmaps')}) OR model_version <> ALL(:judging))"
# Cached verdicts of images that are in no scan. They take room, and save judging the image should it be found again.
CACHE_ONLY = f"""
NOT EXISTS (SELECT FROM scan_images WHERE scan_images.sha256 = images.sha256)
AND NOT EXISTS (SELECT FROM scan_images WHERE scan_images.near_duplicate_of = images.sha256)
AND NOT EXISTS (SELECT FROM feedback WHERE feedback.sha256 = images.sha256)
AND NOT {MARKED_IMAGE.format(table="images")}
"""  # noqa: S608 -- likewise
COUNT_UNUSED = text(f"""
SELECT
    (SELECT count(*) FROM scans WHERE deleted_at IS NOT NULL),
    (SELECT count(*) FROM scan_events JOIN scans ON scans.id = scan_events.scan_id
        WHERE scan_events.created_at < now() - :kept AND scans.finished_at IS NOT NULL),
    (SELECT count(*) FROM thumbnails WHERE {ORPHAN.format(table="thumbnails")}),
    (SELECT coalesce(sum(octet_length(webp)), 0) FROM thumbnails WHERE {ORPHAN.format(table="thumbnails")}),
    (SELECT count(*) FROM heatmaps WHERE {STALE_HEATMAP}),
    (SELECT coalesce(sum(octet_length(png)), 0) FROM heatmaps WHERE {STALE_HEATMAP}),
    (SELECT count(*) FROM images WHERE {CACHE_ONLY})
""")  # noqa: S608 -- made of texts of this module
NEWEST_VERSION = text("SELECT model_version FROM figures_days WHERE model_version <> '' ORDER BY day DESC LIMIT 1")


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of a table with its indexes. `rows`: the planner's last estimate."""

    name: str
    size: int
    rows: int


@dataclass(frozen=True, slots=True)
class Unused:
    """Rows that may be removed. The bytes are those of the image files; Postgres reuses the room and keeps its files."""

    scans: int
    events: int
    thumbnails: int
    thumbnail_bytes: int
    heatmaps: int
    heatmap_bytes: int
    images: int


async def sizes(database: Database) -> list[Size]:
    """Every table, the largest first."""
    async with database.begin() as connection:
        return [Size(name, size, rows) for name, size, rows in await connection.execute(SIZES)]


async def find_unused(database: Database, judging: str | None = None) -> Unused:
    """What `remove_unused` would remove. `judging`: the model version in use, None for the newest that judged."""
    async with database.begin() as connection:
        row = (await connection.execute(COUNT_UNUSED, {"kept": EVENTS_KEPT, "judging": await _in_use(connection, judging)})).one()
    return Unused(*(int(value) for value in row))


async def remove_unused(database: Database, judging: str | None = None, retention_days: int = 0) -> Unused:
    """Remove what is unused (deleted scans only after their minute); returns what was found before."""
    found = await find_unused(database, judging)
    await purge(database, retention_days)
    async with database.begin() as connection:
        stale = text(f"DELETE FROM heatmaps WHERE {STALE_HEATMAP}")  # noqa: S608 -- likewise
        await connection.execute(stale, {"judging": await _in_use(connection, judging)})
        await connection.execute(text(f"DELETE FROM thumbnails WHERE {ORPHAN.format(table='thumbnails')}"))  # noqa: S608 -- likewise
    removal = text(
        f"DELETE FROM images WHERE sha256 IN (SELECT sha256 FROM images WHERE {CACHE_ONLY} LIMIT :most FOR UPDATE SKIP LOCKED)"  # noqa: S608
    )
    removed = AT_ONCE
    while removed == AT_ONCE:
        async with database.begin() as connection:
            removed = (await connection.execute(removal, {"most": AT_ONCE})).rowcount
    return found


async def _in_use(connection: AsyncConnection, judging: str | None) -> list[str]:
    return [judging] if judging else list((await connection.execute(NEWEST_VERSION)).scalars())

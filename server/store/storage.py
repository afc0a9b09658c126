"""What the database holds, what of it nobody needs any more, and letting that go. Knows tables, no pages.

Looking costs a walk over the tables, so it is done when a person asks, never with a page. What a person has corrected stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.database import Database
from server.store.retention import EVENTS_KEPT, purge

AT_ONCE = 5_000  # images let go in one transaction: a second's work, and others need not wait for the whole

SIZES = text("""
SELECT relname, pg_total_relation_size(oid), greatest(reltuples, 0)::bigint FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 2 DESC, 1
""")
# A picture that no scan shows, of an image that nobody corrected; a heat map likewise, or of a model version that judges no more.
ORPHAN = """
NOT EXISTS (SELECT FROM scan_images WHERE scan_images.sha256 = {table}.sha256)
AND NOT EXISTS (SELECT FROM images WHERE images.sha256 = {table}.sha256 AND images.corrected_as IS NOT NULL)
"""
STALE_HEATMAP = f"(({ORPHAN.format(table='heatmaps')}) OR model_version <> ALL(:judging))"
# Remembered answers about images that no scan shows: the cache. They cost room and save a judgement should the image come again.
UNSEEN = """
NOT EXISTS (SELECT FROM scan_images WHERE scan_images.sha256 = images.sha256)
AND NOT EXISTS (SELECT FROM scan_images WHERE scan_images.near_duplicate_of = images.sha256)
AND NOT EXISTS (SELECT FROM feedback WHERE feedback.sha256 = images.sha256)
"""
LOOK = text(f"""
SELECT
    (SELECT count(*) FROM scans WHERE deleted_at IS NOT NULL),
    (SELECT count(*) FROM scan_events JOIN scans ON scans.id = scan_events.scan_id
        WHERE scan_events.created_at < now() - :kept AND scans.finished_at IS NOT NULL),
    (SELECT count(*) FROM thumbnails WHERE {ORPHAN.format(table="thumbnails")}),
    (SELECT coalesce(sum(octet_length(webp)), 0) FROM thumbnails WHERE {ORPHAN.format(table="thumbnails")}),
    (SELECT count(*) FROM heatmaps WHERE {STALE_HEATMAP}),
    (SELECT coalesce(sum(octet_length(png)), 0) FROM heatmaps WHERE {STALE_HEATMAP}),
    (SELECT count(*) FROM images WHERE {UNSEEN})
""")  # noqa: S608 -- made of texts of this module
JUDGING = text("SELECT model_version FROM figures_days WHERE model_version <> '' ORDER BY day DESC LIMIT 1")


@dataclass(frozen=True, slots=True)
class Size:
    """A table with its indexes. `rows` as the planner last counted them."""

    name: str
    size: int
    rows: int


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What may go. Bytes are of the pictures themselves; the files shrink as Postgres gets to reuse the room."""

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


async def look(database: Database, judging: str | None = None) -> Leftovers:
    """What `sweep` would let go; seconds for a million images. `judging`: the model version in use, None the last that judged."""
    async with database.begin() as connection:
        row = (await connection.execute(LOOK, {"kept": EVENTS_KEPT, "judging": await _in_use(connection, judging)})).one()
    return Leftovers(*(int(value) for value in row))


async def sweep(database: Database, judging: str | None = None, retention_days: int = 0) -> Leftovers:
    """Let go what `look` told, deleted scans only after their minute; gives what `look` had said."""
    found = await look(database, judging)
    await purge(database, retention_days)
    async with database.begin() as connection:
        stale = text(f"DELETE FROM heatmaps WHERE {STALE_HEATMAP}")  # noqa: S608 -- likewise
        await connection.execute(stale, {"judging": await _in_use(connection, judging)})
        await connection.execute(text(f"DELETE FROM thumbnails WHERE {ORPHAN.format(table='thumbnails')}"))  # noqa: S608 -- likewise
    some = text(
        f"DELETE FROM images WHERE sha256 IN (SELECT sha256 FROM images WHERE {UNSEEN} LIMIT :most FOR UPDATE SKIP LOCKED)"  # noqa: S608
    )
    gone = AT_ONCE
    while gone == AT_ONCE:
        async with database.begin() as connection:
            gone = (await connection.execute(some, {"most": AT_ONCE})).rowcount
    return found


async def _in_use(connection: AsyncConnection, judging: str | None) -> list[str]:
    return [judging] if judging else list((await connection.execute(JUDGING)).scalars())

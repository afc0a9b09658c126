"""The life of a scan: created, started, filled with images, finished, read back as a Report. Deleting it is in deletion.py.

queued -> running -> done | partial | failed | cancelled. A scan whose worker died is started again from the beginning: the images
of the first attempt are removed, and its verdicts, which are cached, make the second attempt fast. Each change of status writes
its event (`status`, at the end `done`) in the same transaction, so that every follower sees the scan end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from server.contract.errors import NotFound
from server.contract.page_order import in_page_order
from server.contract.records import JudgedImage, Report, ScanError, SkipReason, SourceKind, Status
from server.store.codec import context_column, place_column
from server.store.columns import clean, clean_json, clean_or_none
from server.store.corrections import reach_near_duplicates
from server.store.counts import recount
from server.store.database import Database
from server.store.events import NewEvent, record
from server.store.reading import IMAGES_OF_SCAN, report_of
from server.store.tables import scan_images, scans, uploads
from server.store.verdicts import keep

TITLE_CHARS = 1_000  # a title is one line; nobody reads a longer one to its end
MESSAGE_CHARS = 2_000
NOTICE_CHARS = 400  # a file's name and one sentence
OPEN: tuple[Status, ...] = ("queued", "running")


@dataclass(frozen=True, slots=True)
class StartedScan:
    """What a worker needs to run a scan. `created_at` minus now is the time it waited in the queue."""

    id: UUID
    kind: SourceKind
    target: str
    url: str | None
    options: Mapping[str, Any]
    created_at: datetime


async def create(
    database: Database,
    *,
    kind: SourceKind,
    target: str,
    url: str | None = None,
    title: str | None = None,
    options: Mapping[str, Any] | None = None,
    files: Sequence[tuple[str | None, bytes]] = (),
    scan_id: UUID | None = None,
) -> UUID:
    """Insert a queued scan with its uploaded files (name, bytes), in one transaction."""
    scan_id = scan_id or uuid4()
    row = {
        "id": scan_id,
        "kind": kind,
        "target": clean(target),
        "url": clean_or_none(url),
        "host": clean_or_none(_host(url)),
        "title": clean_or_none(title, TITLE_CHARS),
        "options": clean_json(options or {}),
    }
    async with database.begin() as connection:
        await connection.execute(insert(scans).values(row))
        for position, (name, data) in enumerate(files):
            file = {"id": uuid4(), "scan_id": scan_id, "position": position, "name": clean_or_none(name), "data": data}
            await connection.execute(insert(uploads).values(file))
        await record(connection, scan_id, [("status", {"status": "queued"})])
    return scan_id


async def start(database: Database, scan_id: UUID, model_version: str | None = None) -> StartedScan | None:
    """Mark a scan as running; None when it must not run (cancelled, finished, deleted, unknown)."""
    change = (
        update(scans)
        .where(scans.c.id == scan_id, scans.c.status.in_(OPEN), scans.c.deleted_at.is_(None))
        .values(
            status="running",
            started_at=func.now(),
            model_version=clean_or_none(model_version),
            found=0,
            skipped={},
        )
        .returning(scans.c.id, scans.c.kind, scans.c.target, scans.c.url, scans.c.options, scans.c.created_at)
    )
    async with database.begin() as connection:
        row = (await connection.execute(change)).mappings().first()
        if row is None:
            return None
        await connection.execute(delete(scan_images).where(scan_images.c.scan_id == scan_id))
        await record(connection, scan_id, [("status", {"status": "running"})])
    return StartedScan(**row)


async def set_kind(database: Database, scan_id: UUID, kind: SourceKind) -> None:
    """Set the kind of source, which of an address is known only after it was opened."""
    async with database.begin() as connection:
        await connection.execute(update(scans).where(scans.c.id == scan_id).values(kind=kind))


async def add_images(
    database: Database, scan_id: UUID, judged: Sequence[JudgedImage], first_position: int = 0, events: Sequence[NewEvent] = ()
) -> None:
    """Insert images of a scan with their verdicts, in order; one already there gets its new places, position and original.

    `events` are written in the same transaction. NotFound when the scan was deleted: it may stop.
    """
    if not judged:
        return
    version = clean(judged[0].verdict.model_version)
    async with database.begin() as connection:
        wanted = select(scans.c.model_version).where(scans.c.id == scan_id).with_for_update(key_share=True)
        row = (await connection.execute(wanted)).first()
        if row is None:
            raise NotFound(f"no scan {scan_id}")
        if row.model_version != version:
            await connection.execute(update(scans).where(scans.c.id == scan_id).values(model_version=version))
        await keep(connection, judged)
        sightings = [
            {
                "scan_id": scan_id,
                "sha256": one.image.sha256,
                "position": first_position + offset,
                "near_duplicate_of": one.image.near_duplicate_of,
                "cached": one.verdict.cached,
                "places": [place_column(place) for place in one.image.places],
                "context": context_column(one.joined),
            }
            for offset, one in enumerate(judged)
        ]
        rows = upsert(scan_images)
        await connection.execute(
            rows.on_conflict_do_update(
                index_elements=[scan_images.c.scan_id, scan_images.c.sha256],
                set_={name: rows.excluded[name] for name in ("position", "near_duplicate_of", "cached", "places", "context")},
            ),
            sightings,
        )
        await record(connection, scan_id, events)


async def progress(
    database: Database, scan_id: UUID, *, found: int, skipped: Mapping[SkipReason, int], title: str | None = None
) -> None:
    """Update the counts and title of a running scan, and write its event; does nothing once it has ended."""
    values = {"found": found, "skipped": dict(skipped), "title": func.coalesce(clean_or_none(title, TITLE_CHARS), scans.c.title)}
    async with database.begin() as connection:
        change = update(scans).where(scans.c.id == scan_id, scans.c.status == "running").values(values)
        if (await connection.execute(change)).rowcount:
            await record(connection, scan_id, [("found", {"found": found, "skipped": dict(skipped), "title": title})])


async def finish(
    database: Database,
    scan_id: UUID,
    *,
    status: Status,
    error: ScanError | None = None,
    title: str | None = None,
    model_version: str | None = None,
    timings_ms: Mapping[str, float] | None = None,
    found: int | None = None,
    skipped: Mapping[SkipReason, int] | None = None,
    images: Sequence[JudgedImage] | None = None,
    notices: Sequence[ScanError] = (),
    keep_uploads: bool = False,
) -> bool:
    """End a scan, once; False when it has ended before or was deleted.

    `images` replace positions (their page order) and places; `found` and `skipped` that are not given stay as `progress` set them.
    Its uploaded files are removed (their images and verdicts stay) unless `keep_uploads`.
    """
    if images:
        try:
            await add_images(database, scan_id, in_page_order(images))
        except NotFound:
            return False
        await reach_near_duplicates(database, scan_id)
    values = {
        "status": status,
        "error_code": clean_or_none(error.code if error else None, 64),
        "error_message": clean_or_none(error.message if error else None, MESSAGE_CHARS),
        "title": func.coalesce(clean_or_none(title, TITLE_CHARS), scans.c.title),
        "model_version": func.coalesce(clean_or_none(model_version), scans.c.model_version),
        "finished_at": func.now(),
        "timings_ms": dict(timings_ms or {}),
        "found": scans.c.found if found is None else found,
        "skipped": scans.c.skipped if skipped is None else dict(skipped),
        "notices": clean_json([{"code": one.code, "message": one.message[:NOTICE_CHARS]} for one in notices]),
    }
    async with database.begin() as connection:
        change = await connection.execute(update(scans).where(scans.c.id == scan_id, scans.c.status.in_(OPEN)).values(values))
        if change.rowcount == 0:
            return False
        await recount(connection, [scan_id])
        reason = {"code": error.code, "message": error.message} if error else None
        await record(connection, scan_id, [("done", {"status": status, "error": reason})])
        if not keep_uploads:
            await connection.execute(delete(uploads).where(uploads.c.scan_id == scan_id))
    return True


async def status_of(database: Database, scan_id: UUID) -> Status:
    """NotFound when there is no such scan, or it was deleted."""
    wanted = select(scans.c.status).where(scans.c.id == scan_id, scans.c.deleted_at.is_(None))
    async with database.begin() as connection:
        status: Status | None = await connection.scalar(wanted)
    if status is None:
        raise NotFound(f"no scan {scan_id}")
    return status


async def report(database: Database, scan_id: UUID) -> Report:
    """The Report so far, images in page order; NotFound when there is no such scan, or it was deleted."""
    wanted = select(scans).where(scans.c.id == scan_id, scans.c.deleted_at.is_(None))
    async with database.begin() as connection:
        row = (await connection.execute(wanted)).mappings().first()
        if row is None:
            raise NotFound(f"no scan {scan_id}")
        found = (await connection.execute(IMAGES_OF_SCAN, {"scan": scan_id})).mappings().all()
    return report_of(row, found, with_context=database.with_context)


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:
        return None

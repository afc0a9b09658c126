"""The verdict cache, keyed by the SHA-256 of the encoded bytes and the model version. A hit needs no decoding and no model.

A verdict is written once and never changed; a correction is stored on the image and overrides it when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.records import JudgedImage
from server.store import review
from server.store.codec import image_columns, judged_of, panels_column, verdict_columns
from server.store.columns import clean
from server.store.database import Database
from server.store.tables import images, scan_images, thumbnails, verdicts

IMAGE = (
    images.c.sha256,
    images.c.width,
    images.c.height,
    images.c.format,
    images.c.size,
    images.c.phash,
    images.c.grey,
    images.c.corrected_as,
)
VERDICT = tuple(column for column in verdicts.c if column.name not in ("sha256", "created_at"))


def _cached(condition: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    return select(*IMAGE, *VERDICT).join_from(images, verdicts, verdicts.c.sha256 == images.c.sha256).where(condition)


async def lookup(database: Database, shas: Iterable[str], model_version: str) -> dict[str, JudgedImage]:
    """Cached verdicts of these images, by SHA-256, in one query. They have `cached` set; places and bytes are empty."""
    wanted = sorted(set(shas))
    if not wanted:
        return {}
    found = _cached(and_(images.c.sha256.in_(wanted), verdicts.c.model_version == clean(model_version)))
    async with database.begin() as connection:
        rows = (await connection.execute(found)).mappings().all()
    return {row["sha256"]: judged_of(row, cached=True) for row in rows}


async def latest(database: Database, sha256: str) -> JudgedImage | None:
    """The newest verdict of one image, of any model version; a near duplicate that was never judged has its original's."""
    newest = _cached(images.c.sha256 == sha256).order_by(verdicts.c.created_at.desc()).limit(1)
    async with database.begin() as connection:
        row: Mapping[Any, Any] | None = (await connection.execute(newest)).mappings().first()
        if row is None and (verdict := await newest_verdict(connection, sha256)) is not None:
            facts = (await connection.execute(select(*IMAGE).where(images.c.sha256 == sha256))).mappings().one()
            row = {**facts, **verdict._mapping, "panels": None}
    return judged_of(row, cached=True) if row else None


async def newest_verdict(connection: AsyncConnection, sha256: str) -> Row[Any] | None:
    """The newest verdict of an image, else of an image that it is a near duplicate of; None when neither was judged."""
    newest = select(*VERDICT).order_by(verdicts.c.created_at.desc()).limit(1)
    own = (await connection.execute(newest.where(verdicts.c.sha256 == sha256))).first()
    if own is not None:
        return own
    originals = select(scan_images.c.near_duplicate_of).where(
        scan_images.c.sha256 == sha256, scan_images.c.near_duplicate_of.is_not(None)
    )
    return (await connection.execute(newest.where(verdicts.c.sha256.in_(originals)))).first()


async def keep(connection: AsyncConnection, judged: Iterable[JudgedImage]) -> None:
    """Insert images, new verdicts and thumbnails, in a few statements; existing rows stay as they are.

    A verdict that is `cached` or `corrected` is not written. A near duplicate that only shares its original's verdict must
    therefore be `cached`: the verdict is valid within its scan, and reading.py joins it from the original.
    """
    # in one order everywhere, so that two scans that write the same images wait for each other and never deadlock
    every = sorted({one.image.sha256: one for one in judged}.values(), key=lambda one: one.image.sha256)
    if not every:
        return
    rows = insert(images)
    await connection.execute(
        rows.on_conflict_do_update(
            index_elements=[images.c.sha256],
            set_={name: func.coalesce(images.c[name], rows.excluded[name]) for name in ("phash", "grey")},
            where=images.c.grey.is_(None) & rows.excluded.grey.is_not(None),
        ),
        [image_columns(one.image) for one in every],
    )
    new = [
        {"sha256": one.image.sha256, **verdict_columns(one.verdict), "panels": panels_column(one.panels)}
        for one in every
        if not (one.verdict.cached or one.verdict.corrected)
    ]
    if new:
        await connection.execute(insert(verdicts).on_conflict_do_nothing(), new)
    small = [{"sha256": one.image.sha256, "webp": one.thumbnail} for one in every if one.thumbnail is not None]
    if small:
        await connection.execute(insert(thumbnails).on_conflict_do_nothing(), small)
    await review.update_queue(connection, [row["sha256"] for row in new])

"""The cache of answers: by SHA-256 of the encoded bytes and model version. A hit needs no decode and no model.

A verdict is written once and never changed; what a person corrects stands on the image and overrides it when it is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.records import JudgedImage
from server.store import review
from server.store.codec import image_columns, judged_of, panels_column, verdict_columns
from server.store.database import Database
from server.store.tables import images, scan_images, thumbnails, verdicts
from server.store.types import clean

IMAGE = (images.c.sha256, images.c.width, images.c.height, images.c.format, images.c.size, images.c.phash, images.c.corrected_as)
ANSWER = tuple(column for column in verdicts.c if column.name not in ("sha256", "created_at"))


def _remembered(condition: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    return select(*IMAGE, *ANSWER).join_from(images, verdicts, verdicts.c.sha256 == images.c.sha256).where(condition)


async def lookup(database: Database, shas: Iterable[str], model_version: str) -> dict[str, JudgedImage]:
    """What is remembered of these images, by SHA-256, in one query. Verdicts say `cached`; places and bytes are empty."""
    wanted = sorted(set(shas))
    if not wanted:
        return {}
    found = _remembered(and_(images.c.sha256.in_(wanted), verdicts.c.model_version == clean(model_version)))
    async with database.begin() as connection:
        rows = (await connection.execute(found)).mappings().all()
    return {row["sha256"]: judged_of(row, cached=True) for row in rows}


async def copies(database: Database, shas: Collection[str]) -> dict[str, str]:
    """Near duplicates among these images, as earlier scans found them: each copy to the one of `shas`, the earliest, it repeats.

    Nothing is both a copy and an original, whichever of two images an earlier scan met first.
    """
    both = select(scan_images.c.sha256, scan_images.c.near_duplicate_of).distinct()
    both = both.where(scan_images.c.sha256.in_(shas), scan_images.c.near_duplicate_of.in_(shas))
    async with database.begin() as connection:
        pairs = [(row[0], row[1]) for row in await connection.execute(both)]
    alike = {frozenset(pair) for pair in pairs}
    originals: list[str] = []
    found: dict[str, str] = {}
    for sha256 in shas if pairs else ():
        original = next((one for one in originals if frozenset((one, sha256)) in alike), None)
        if original is None:
            originals.append(sha256)
        else:
            found[sha256] = original
    return found


async def latest(database: Database, sha256: str) -> JudgedImage | None:
    """The newest verdict of one image, of whichever model version; a near duplicate that was never judged shows its original's."""
    newest = _remembered(images.c.sha256 == sha256).order_by(verdicts.c.created_at.desc()).limit(1)
    async with database.begin() as connection:
        row: Mapping[Any, Any] | None = (await connection.execute(newest)).mappings().first()
        if row is None and (said := await answer_of(connection, sha256)) is not None:
            facts = (await connection.execute(select(*IMAGE).where(images.c.sha256 == sha256))).mappings().one()
            row = {**facts, **said._mapping, "panels": None}
    return judged_of(row, cached=True) if row else None


async def answer_of(connection: AsyncConnection, sha256: str) -> Row[Any] | None:
    """The newest verdict of an image, or of one that it is a near duplicate of; None when neither was ever judged."""
    newest = select(*ANSWER).order_by(verdicts.c.created_at.desc()).limit(1)
    own = (await connection.execute(newest.where(verdicts.c.sha256 == sha256))).first()
    if own is not None:
        return own
    originals = select(scan_images.c.near_duplicate_of).where(
        scan_images.c.sha256 == sha256, scan_images.c.near_duplicate_of.is_not(None)
    )
    return (await connection.execute(newest.where(verdicts.c.sha256.in_(originals)))).first()


async def remember(connection: AsyncConnection, judged: Iterable[JudgedImage]) -> None:
    """Write images, new verdicts and thumbnails, all in a few statements; what is there already stays.

    A verdict that says `cached` or `corrected` is not written. So a near duplicate that only shares its original's verdict must say
    `cached`: it holds within its scan, and reading back finds it there (reading.py).
    """
    # in one order everywhere, so that two scans that write the same images wait for, and never block, each other
    every = sorted({one.image.sha256: one for one in judged}.values(), key=lambda one: one.image.sha256)
    if not every:
        return
    rows = insert(images)
    await connection.execute(
        rows.on_conflict_do_update(
            index_elements=[images.c.sha256],
            set_={"phash": func.coalesce(images.c.phash, rows.excluded.phash)},
            where=images.c.phash.is_(None) & rows.excluded.phash.is_not(None),
        ),
        [image_columns(one.image) for one in every],
    )
    answers = [
        {"sha256": one.image.sha256, **verdict_columns(one.verdict), "panels": panels_column(one.panels)}
        for one in every
        if not (one.verdict.cached or one.verdict.corrected)
    ]
    if answers:
        await connection.execute(insert(verdicts).on_conflict_do_nothing(), answers)
    pictures = [{"sha256": one.image.sha256, "webp": one.thumbnail} for one in every if one.thumbnail is not None]
    if pictures:
        await connection.execute(insert(thumbnails).on_conflict_do_nothing(), pictures)
    await review.consider(connection, [answer["sha256"] for answer in answers])

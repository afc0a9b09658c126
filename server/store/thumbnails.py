"""Stored pixels of an image: its WebP thumbnail, written with its verdict, and the heat map of each model version."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from server.contract.errors import NotFound
from server.store.columns import clean
from server.store.database import Database
from server.store.tables import heatmaps, thumbnails


async def thumbnail(database: Database, sha256: str) -> bytes:
    """WebP; NotFound when none was kept."""
    async with database.begin() as connection:
        webp = await connection.scalar(select(thumbnails.c.webp).where(thumbnails.c.sha256 == sha256))
    if webp is None:
        raise NotFound(f"no thumbnail of image {sha256}")
    return bytes(webp)


async def kept(database: Database, shas: Collection[str]) -> set[str]:
    """Those of these images that have a thumbnail."""
    async with database.begin() as connection:
        return set((await connection.execute(select(thumbnails.c.sha256).where(thumbnails.c.sha256.in_(shas)))).scalars())


async def several(database: Database, shas: Collection[str]) -> dict[str, bytes]:
    """The WebP thumbnails of these images, where there is one; meant for a few dozen at a time."""
    async with database.begin() as connection:
        rows = await connection.execute(select(thumbnails.c.sha256, thumbnails.c.webp).where(thumbnails.c.sha256.in_(shas)))
        return {sha256: bytes(webp) for sha256, webp in rows}


async def heatmap(database: Database, sha256: str, model_version: str) -> bytes | None:
    """The PNG, or None when there is none yet."""
    wanted = select(heatmaps.c.png).where(heatmaps.c.sha256 == sha256, heatmaps.c.model_version == clean(model_version))
    async with database.begin() as connection:
        png = await connection.scalar(wanted)
    return None if png is None else bytes(png)


async def keep_heatmap(database: Database, sha256: str, model_version: str, png: bytes) -> None:
    row = {"sha256": sha256, "model_version": clean(model_version), "png": png}
    async with database.begin() as connection:
        await connection.execute(insert(heatmaps).values(row).on_conflict_do_nothing())

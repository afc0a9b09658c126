"""The images of a scan or a collection, and what the files made of them share: which are listed, their addresses, pages of rows."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

from server.contract.errors import NotFound
from server.source.address import split_login
from server.store import collected, export, history
from server.store.database import Database
from server.store.export import Exported
from server.web.files.names import name_of


@dataclass(frozen=True, slots=True)
class Shown:
    """What is taken away: a collection, or a scan; its id and name."""

    id: UUID
    name: str
    is_collection: bool = False


async def scan_shown(database: Database, scan_id: UUID) -> Shown:
    """NotFound if there is no such scan, or it was deleted."""
    for entry in await history.among(database, [scan_id]):
        return Shown(entry.id, name_of(entry.title, entry.target))
    raise NotFound(f"no scan {scan_id}")


async def rows_of(database: Database, shown: Shown) -> AsyncGenerator[Exported, None]:
    """Its images in order, read page by page."""
    source = collected.rows(database, shown.id) if shown.is_collection else export.rows(database, scan_id=shown.id)
    async with aclosing(source) as rows:  # type: ignore[type-var]
        async for row in rows:
            yield row


async def listed(rows: AsyncIterator[Exported]) -> AsyncGenerator[Exported, None]:
    """Without near duplicates, and without what is surely not medical; what a person chose for a collection stays."""
    async for row in rows:
        verdict = row.judged.verdict
        matters = verdict.is_medical or not verdict.sure
        if row.chosen or (matters and row.judged.image.near_duplicate_of is None):
            yield row


async def in_pages(rows: AsyncIterator[Exported], size: int) -> AsyncGenerator[list[Exported], None]:
    """Lists of `size` rows, the last one shorter; none for no rows."""
    page: list[Exported] = []
    async for row in rows:
        page.append(row)
        if len(page) == size:
            yield page
            page = []
    if page:
        yield page


def without_login(address: str | None, *, with_query: bool = True) -> str | None:
    """An http address without user, password and fragment, and without its query unless `with_query`; None for any other."""
    try:
        parts = urlsplit(split_login(address or "")[0])
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            return None
    except ValueError:
        return None
    return urlunsplit(parts._replace(query=parts.query if with_query else "", fragment=""))


def caption_of(row: Exported) -> str:
    """The caption that names the image's modality, else its alternative text; empty if neither is known."""
    context = row.judged.verdict.context
    if context is not None and context.source == "caption":
        return context.quote
    return next((place.alt for place in row.judged.image.places if place.alt), "")

"""Uploaded files, stored as rows so that a worker on another machine can read them; removed when their scan has finished."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import delete, select

from server.store.database import Database
from server.store.tables import uploads


@dataclass(frozen=True, slots=True)
class Upload:
    """One file as it was sent; `name` is the sender's."""

    id: UUID
    name: str | None
    data: bytes = field(repr=False)


async def load(database: Database, scan_id: UUID) -> list[Upload]:
    """The files of a scan, in the order in which they were sent (scans.create writes them)."""
    wanted = select(uploads.c.id, uploads.c.name, uploads.c.data).where(uploads.c.scan_id == scan_id).order_by(uploads.c.position)
    async with database.begin() as connection:
        return [Upload(row.id, row.name, bytes(row.data)) for row in await connection.execute(wanted)]


async def discard(database: Database, scan_id: UUID) -> None:
    async with database.begin() as connection:
        await connection.execute(delete(uploads).where(uploads.c.scan_id == scan_id))

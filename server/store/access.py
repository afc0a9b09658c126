"""One-time login codes and sessions of the dashboard, stored by the hash of a secret that only the browser has.

A copy of the database grants no access. Hashes are 64 hex digits, made by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, func, insert, select, update

from server.store.columns import clean_or_none, digest
from server.store.database import Database
from server.store.tables import login_codes, sessions


async def add_login_code(database: Database, hashed: str, life: timedelta) -> None:
    """Add a code that may be used once within `life`; expired codes are deleted on this occasion."""
    async with database.begin() as connection:
        await connection.execute(delete(login_codes).where(login_codes.c.expires_at < func.now()))
        await connection.execute(insert(login_codes).values(code_hash=digest(hashed), expires_at=func.now() + life))


async def use_login_code(database: Database, hashed: str) -> bool:
    """Use up a code; False when it is unknown, used or expired. Of two concurrent calls one succeeds."""
    code = login_codes.c
    change = (
        update(login_codes)
        .where(code.code_hash == digest(hashed), code.used_at.is_(None), code.expires_at > func.now())
        .values(used_at=func.now())
    )
    async with database.begin() as connection:
        return (await connection.execute(change)).rowcount == 1


async def open_session(database: Database, hashed: str, life: timedelta, label: str | None = None) -> None:
    """Add a session that ends after `life`; expired sessions are deleted on this occasion."""
    row = {"id_hash": digest(hashed), "label": clean_or_none(label), "expires_at": func.now() + life}
    async with database.begin() as connection:
        await connection.execute(delete(sessions).where(sessions.c.expires_at < func.now()))
        await connection.execute(insert(sessions).values(row))


async def is_open(database: Database, hashed: str) -> bool:
    wanted = select(exists().where(sessions.c.id_hash == digest(hashed), sessions.c.expires_at > func.now()))
    async with database.begin() as connection:
        return bool(await connection.scalar(wanted))


async def close_session(database: Database, hashed: str) -> None:
    async with database.begin() as connection:
        await connection.execute(delete(sessions).where(sessions.c.id_hash == digest(hashed)))


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in. `hashed`: 64 hex digits, which name the session and grant no access."""

    hashed: str
    label: str
    created_at: datetime
    expires_at: datetime


async def open_sessions(database: Database) -> list[Session]:
    """Sessions that have not expired, newest first."""
    wanted = select(sessions).where(sessions.c.expires_at > func.now()).order_by(sessions.c.created_at.desc())
    async with database.begin() as connection:
        rows = (await connection.execute(wanted)).mappings().all()
    return [Session(bytes(row["id_hash"]).hex(), row["label"] or "", row["created_at"], row["expires_at"]) for row in rows]


async def close_others(database: Database, hashed: str) -> int:
    """End every session but this one, and every unused code, after its owner rotated the token. Returns how many sessions ended."""
    async with database.begin() as connection:
        await connection.execute(delete(login_codes))
        return (await connection.execute(delete(sessions).where(sessions.c.id_hash != digest(hashed)))).rowcount


async def close_all(database: Database) -> int:
    """End every session and every unused code, after the token was rotated. Returns how many sessions ended."""
    async with database.begin() as connection:
        await connection.execute(delete(login_codes))
        return (await connection.execute(delete(sessions))).rowcount

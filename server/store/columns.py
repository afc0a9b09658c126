"""Column types, constraint names and text cleaning that every table shares.

Postgres text holds neither NUL nor lone surrogates. Web pages send both in titles and alternative texts: they are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, DateTime, Integer, LargeBinary, MetaData, func, text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from server.contract.errors import RequestError

REPLACEMENT = "\ufffd"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
SHA256_HEX = re.compile(r"[0-9a-f]{64}")

# Constraints are named by rule, so that a migration can name them.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def timestamp(name: str, *, nullable: bool = True, default: bool = False) -> Column[object]:
    """A moment with its time zone; with `default` the time of the insert."""
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=func.now() if default else None)


def counter(name: str) -> Column[int]:
    """A number that starts at 0."""
    return Column(name, Integer, nullable=False, server_default=text("0"))


class Sha256(TypeDecorator[str]):
    """64 hex digits in Python, 32 bytes in the database: half the size in every index on a million images."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else digest(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else bytes(value).hex()


def digest(sha256: str) -> bytes:
    """The 32 bytes of a hash written as 64 lower-case hex digits; RequestError when it is not one."""
    if not SHA256_HEX.fullmatch(sha256):
        raise RequestError("an image is named by its SHA-256: 64 lower-case hex digits")
    return bytes.fromhex(sha256)


def clean(value: str, limit: int | None = None) -> str:
    """`value` with what Postgres cannot store replaced, cut to `limit` characters."""
    return _UNSTORABLE.sub(REPLACEMENT, value if limit is None else value[:limit])


def clean_or_none(value: str | None, limit: int | None = None) -> str | None:
    return None if value is None else clean(value, limit)


def clean_json(value: Any) -> Any:
    """`value` with every string in it cleaned, keys included, ready for a jsonb column."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(key)): clean_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(item) for item in value]
    return value

"""The orders of the history, and cursors: the place in an order where a page ended."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement

from server.contract.errors import RequestError
from server.store.columns import clean
from server.store.tables import NAME_ORDER, scans

MOST_COUNTED = 2**31 - 1  # a column of counts holds no more
CURSOR_CHARS = 600  # a name of 60 characters of four bytes each, date and id, in base64

Sort: TypeAlias = Literal["created", "name", "images", "medical", "uncertain"]


@dataclass(frozen=True, slots=True)
class Order:
    """By date newest first, by name from A to Z, by a count the most first; `reverse`: the other way round."""

    by: Sort = "created"
    reverse: bool = False

    @property
    def columns(self) -> list[ColumnElement[Any]]:
        """What it sorts by; scans that are equal in the first column go by their dates."""
        return [*([_SORTED[self.by]] if self.by != "created" else []), scans.c.created_at, scans.c.id]

    @property
    def descending(self) -> bool:
        return (self.by != "name") != self.reverse


_SORTED: Mapping[Sort, ColumnElement[Any]] = {
    "name": NAME_ORDER,
    "images": scans.c.unique_images,
    "medical": scans.c.medical,
    "uncertain": scans.c.uncertain,
}


NEWEST_FIRST = Order()


def encode_cursor(created_at: datetime, scan_id: UUID, *sorted_by: str | int) -> str:
    """Where a page ended. `sorted_by`: the order's name and the value of its first column, unless that is the date."""
    place = [*sorted_by, created_at.isoformat(), scan_id.hex]
    return base64.urlsafe_b64encode(json.dumps(place, ensure_ascii=False).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, order: Order = NEWEST_FIRST) -> list[Any]:
    """The values of the order's columns at which a page ended. Raises RequestError."""
    try:
        *by, when, hexadecimal = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        created_at = datetime.fromisoformat(when)
        if created_at.tzinfo is None:
            raise ValueError("no time zone")
        if order.by != "created":
            name, value = by
            known = clean(value) == value if order.by == "name" else type(value) is int and 0 <= value <= MOST_COUNTED
            if name != order.by or not known:
                raise ValueError("of another order")
            by = [value]
        elif by:
            raise ValueError("of another order")
        return [*by, created_at, UUID(hexadecimal)]
    except (ValueError, TypeError, AttributeError, binascii.Error):
        raise RequestError("this cursor is not one that medlens gave for this order; begin at the first page") from None

"""The history in each order: every scan once, and a cursor only in its own order."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.contract.errors import RequestError
from server.store import history, scans
from server.store.database import Database
from server.store.order import Order, Sort, encode_cursor
from tests.store.conftest import Judge


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("by", ["created", "name", "images", "medical", "uncertain"])
async def test_every_order_meets_every_scan_once(database: Database, judge: Judge, by: Sort, reverse: bool) -> None:
    titles = ["Zebra", "ankle", "Ärzte", "", "ankle", "Brain"]
    for number, title in enumerate(titles):
        scan = await scans.create(database, kind="page", target="x", title=title)
        images = [judge(f"{number}{image}", "ct", 0.4, uncertain=image < number % 3) for image in range(number)]
        await scans.finish(database, scan, status="done", title=title, found=number, images=images)
    order, seen, cursor = Order(by, reverse), [], None
    while True:
        page = await history.page(database, limit=2, cursor=cursor, order=order)
        seen += page.entries
        if (cursor := page.next) is None:
            break
    values = {"created": "created_at", "name": "title", "images": "unique", "medical": "medical", "uncertain": "uncertain"}
    sorted_by = [str(value).lower() if by == "name" else value for value in (getattr(entry, values[by]) for entry in seen)]
    assert len({entry.id for entry in seen}) == len(titles)
    expected = sorted(sorted_by, reverse=order.descending)
    if by == "name":  # letters with marks stand where the database's collation puts them
        sorted_by, expected = [[name for name in names if name.isascii()] for names in (sorted_by, expected)]
    assert sorted_by == expected


async def test_a_cursor_of_another_order_is_refused(database: Database) -> None:
    moment, scan = datetime(2026, 1, 1, tzinfo=UTC), scans.uuid4()
    by_name, by_count = Order("name"), Order("medical")
    for cursor, order in [
        (encode_cursor(moment, scan), by_name),
        (encode_cursor(moment, scan, "medical", 3), Order()),
        (encode_cursor(moment, scan, "medical", 3), by_name),
        (encode_cursor(moment, scan, "name", 3), by_name),
        (encode_cursor(moment, scan, "name", "a\0"), by_name),
        (encode_cursor(moment, scan, "medical", "x"), by_count),
        (encode_cursor(moment, scan, "medical", 10**12), by_count),
    ]:
        with pytest.raises(RequestError):
            await history.page(database, cursor=cursor, order=order)

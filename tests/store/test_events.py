"""Following a scan: every event once and in order, from anywhere, through a lost connection, to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import text

from server.store import events, requeue, scans
from server.store.database import Database
from server.store.events import Event, EventHub


@pytest.fixture
async def hub(database: Database) -> AsyncIterator[EventHub]:
    async with EventHub(database) as opened:
        yield opened


async def test_a_follower_sees_everything_to_the_end(database: Database, hub: EventHub) -> None:
    scan = await scans.create(database, kind="page", target="x")
    following = asyncio.create_task(_all(hub, scan))
    await scans.start(database, scan)
    await events.append_many(database, scan, [("verdict", {"n": number}) for number in range(events.AT_ONCE + 5)])
    await scans.finish(database, scan, status="done")
    seen = await asyncio.wait_for(following, 60)
    assert [event.kind for event in seen] == ["status", "status", *["verdict"] * (events.AT_ONCE + 5), "done"]
    assert [event.data["n"] for event in seen if event.kind == "verdict"] == list(range(events.AT_ONCE + 5))
    again = await _all(hub, scan, after=seen[-3].id)
    assert again == seen[-2:]


async def test_writers_of_one_scan_never_hide_an_event(database: Database, hub: EventHub) -> None:
    scan = await scans.create(database, kind="page", target="x")
    following = asyncio.create_task(_all(hub, scan))

    async def write(writer: int) -> None:
        for number in range(30):
            await events.append(database, scan, "verdict", {"writer": writer, "n": number})

    await asyncio.gather(*map(write, range(8)))
    await scans.finish(database, scan, status="done")
    seen = await asyncio.wait_for(following, 60)
    assert len([event for event in seen if event.kind == "verdict"]) == 8 * 30
    assert [event.id for event in seen] == sorted(event.id for event in seen)


async def test_a_lost_connection_loses_no_event(database: Database, hub: EventHub) -> None:
    scan = await scans.create(database, kind="page", target="x")
    following = asyncio.create_task(_all(hub, scan))
    await asyncio.sleep(0.2)
    async with database.begin() as connection:
        listeners = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )
        await connection.execute(text(listeners))
    await scans.finish(database, scan, status="failed")
    assert [event.kind for event in await asyncio.wait_for(following, 60)] == ["status", "done"]


async def test_following_what_has_ended_or_is_gone_ends(database: Database, hub: EventHub) -> None:
    scan = await scans.create(database, kind="page", target="x")
    await requeue.cancel_queued(database, scan)
    (_, done) = await _all(hub, scan)
    assert done.data == {"status": "cancelled", "error": None}
    assert await _all(hub, scan, after=done.id) == []
    assert await _all(hub, UUID(int=1)) == []


async def test_changes_name_the_scans_to_which_something_happens(database: Database, hub: EventHub) -> None:
    changes = hub.changes()
    first = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0.2)
    scan = await scans.create(database, kind="page", target="x")
    assert await asyncio.wait_for(first, 60) == scan
    await changes.aclose()


async def test_events_of_a_scan_that_is_gone_are_dropped(database: Database) -> None:
    await events.append(database, UUID(int=1), "verdict", {})
    assert await events.since(database, UUID(int=1)) == []


async def _all(hub: EventHub, scan: UUID, after: int = 0) -> list[Event]:
    return [event async for event in hub.follow(scan, after)]

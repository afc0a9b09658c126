"""Turns of hosts: each is given to one scan, the moments to ask again are apart, and nothing is kept of hosts that have rested."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from sqlalchemy import text

from server.store import scans
from server.store.database import Database
from server.store.host_turns import take_turn

DELAY_S = 1000.0  # so long that no pause of the machine matters
ALWAYS_S = 1e6
PAST = "now() - interval '1 hour'"


async def scan_of(database: Database, url: str) -> UUID:
    return await scans.create(database, kind="page", target=url, url=url)


async def test_turns_of_a_host_are_its_delay_apart(database: Database) -> None:
    asked = [await scan_of(database, f"https://a.example/{number}") for number in range(6)]
    waits = await asyncio.gather(*(take_turn(database, scan_id, DELAY_S, ALWAYS_S) for scan_id in asked))
    assert all(isinstance(wait, float) for wait in waits)
    ordered = sorted(float(wait) for wait in waits if isinstance(wait, float))
    assert ordered[0] == 0
    assert [later - earlier for earlier, later in pairwise(ordered)] == pytest.approx([DELAY_S] * 5, abs=DELAY_S / 10)


async def test_a_scan_without_patience_is_told_when_to_ask_again(database: Database) -> None:
    asked = [await scan_of(database, f"https://a.example/{number}") for number in range(4)]
    first, *later = [await take_turn(database, scan_id, DELAY_S, 2) for scan_id in asked]
    assert first == 0
    moments = [moment for moment in later if isinstance(moment, datetime)]
    assert len(moments) == 3
    assert [second - first for first, second in pairwise(moments)] == [timedelta(seconds=DELAY_S)] * 2


async def test_other_hosts_and_uploads_do_not_wait(database: Database) -> None:
    await take_turn(database, await scan_of(database, "https://a.example/"), DELAY_S, 2)
    assert await take_turn(database, await scan_of(database, "https://b.example/"), DELAY_S, 2) == 0
    upload = await scans.create(database, kind="image", target="x.png")
    assert [await take_turn(database, upload, DELAY_S, 2) for _ in range(2)] == [0, 0]


async def test_a_host_that_has_rested_is_forgotten(database: Database) -> None:
    await take_turn(database, await scan_of(database, "https://a.example/"), DELAY_S, 2)
    async with database.begin() as connection:
        await connection.execute(text(f"UPDATE host_turns SET free_at = {PAST}, promised_at = {PAST}"))
    await take_turn(database, await scan_of(database, "https://b.example/"), DELAY_S, 2)
    async with database.begin() as connection:
        assert (await connection.execute(text("SELECT host FROM host_turns"))).scalars().all() == ["b.example"]

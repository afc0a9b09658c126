"""What the dashboard's pages ask beside the history: each is answered from an index, however many scans there are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ClauseElement, select, text
from sqlalchemy.dialects import postgresql

from server.store import changes, history, sightings
from server.store.database import Database
from server.store.tables import scans
from tests.store.seed import seed

SCANS, EACH = 4_000, 3


async def plan(database: Database, query: ClauseElement, values: dict[str, Any] | None = None) -> str:
    """What Postgres would do, for the statement as the program sends it."""
    compiled = query.compile(dialect=postgresql.psycopg.dialect(), compile_kwargs={"render_postcompile": True})
    async with database.engine.connect() as connection:
        raw = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}", {**compiled.params, **(values or {})})
        return json.dumps(raw.scalar())


async def test_each_question_of_a_page_has_its_index(database: Database) -> None:
    await seed(database, SCANS, EACH)
    async with database.begin() as connection:
        scan_id = await connection.scalar(select(scans.c.id).limit(1))
        await connection.execute(text("INSERT INTO scans (id, kind, target) VALUES (gen_random_uuid(), 'page', 'x')"))
    shas = [bytes([number]) * 32 for number in range(100)]
    for query, values, index in [
        (history.queue_query(datetime(2029, 1, 1, tzinfo=UTC)), {}, "ix_scans_status"),
        (changes.previous_scan(uuid4()), {}, "ix_scans_url"),
        (sightings.SCAN_COUNTS, {"shas": shas, "most": sightings.MOST_COUNTED}, "ix_scan_images_sha256"),
        (sightings.EXTENTS, {"scans": [scan_id]}, "scan_images"),
    ]:
        told = await plan(database, query, values)
        assert index in told, told
        assert "Seq Scan" not in told, told


async def test_what_was_deleted_in_one_go_is_found_by_its_moment(database: Database) -> None:
    await seed(database, SCANS)
    change = scans.update().where(scans.c.deleted_at == datetime.now(UTC)).values(deleted_at=None)
    told = await plan(database, change)
    assert "ix_scans_deleted_at" in told, told


async def test_the_queue_holds_what_is_open_and_what_failed_lately(database: Database) -> None:
    await seed(database, 2_000)  # one in a thousand failed, years away
    entries = await history.queue(database, datetime(2029, 12, 31, tzinfo=UTC))
    assert entries == ()
    assert {entry.status for entry in await history.queue(database, datetime(2000, 1, 1, tzinfo=UTC))} == {"failed"}

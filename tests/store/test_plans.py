"""What Postgres does for the dashboard's questions on a database of use: an index, and no walk over a table that grows."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import event, text

from server.settings import Settings
from server.store import corrections, labelled, review, stats, storage
from server.store.database import Database
from tests.store.full_seed import seed

GROWING = ("scans", "images", "scan_images", "verdicts", "thumbnails", "heatmaps", "scan_events", "review_queue")


@pytest.fixture
async def used(database_settings: Settings) -> AsyncIterator[Database]:
    async with Database(database_settings) as database:
        await seed(database, 3_000)
        yield database


async def plans(database: Database, act: Any) -> list[tuple[str, dict[str, Any]]]:
    """Every reading statement that `act` sends, with what Postgres would do for it."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            sent.append((statement, values))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        await act
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    found = []
    async with database.engine.connect() as connection:
        for statement, values in sent:
            told = (await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values)).scalar()
            found.append((statement, told[0]["Plan"]))
    return found


def walks(plan: dict[str, Any]) -> list[str]:
    """Tables that are read from end to end."""
    here = [plan["Relation Name"]] if plan["Node Type"] in {"Seq Scan", "Parallel Seq Scan"} else []
    return here + [name for part in plan.get("Plans", []) for name in walks(part)]


async def test_no_page_walks_over_a_table_that_grows(used: Database) -> None:
    async with used.begin() as connection:
        sha = str(await connection.scalar(text("SELECT encode(sha256, 'hex') FROM feedback ORDER BY id DESC LIMIT 1")))
    asked = {
        "figures": stats.figures(used),
        "review": review.next_questions(used),
        "progress": review.progress(used, stats.BEGINNING),
        "corrections": corrections.corrections(used, limit=40),
        "data set": labelled.data_set(used),
        "learned": labelled.labelled_predictions(used, ["model-2"]),
        "storage": storage.sizes(used),
        "correct": corrections.correct(used, sha, "ct"),
        "undo": corrections.undo(used, sha),
    }
    for name, act in asked.items():
        for statement, plan in await plans(used, act):
            assert not set(walks(plan)) & set(GROWING), (name, statement, json.dumps(plan))


async def test_near_duplicates_are_found_by_their_index(used: Database) -> None:
    async with used.begin() as connection:
        copy = str(
            await connection.scalar(
                text("SELECT encode(sha256, 'hex') FROM scan_images WHERE near_duplicate_of IS NOT NULL LIMIT 1")
            )
        )
        assert len(await corrections.near_duplicates(connection, copy)) == 1


async def test_a_seed_is_what_the_program_would_have_written(used: Database) -> None:
    """Counting a scan anew changes nothing, but for the confidence's bars, which the seed only sketches."""
    from server.store.counts import recount

    columns = "unique_images, medical, uncertain, disagreeing, corrected, ct, mri, non_medical, previews[1]"
    async with used.begin() as connection:
        ids = list((await connection.execute(text("SELECT id FROM scans ORDER BY id LIMIT 40"))).scalars())
        before = (
            await connection.execute(text(f"SELECT {columns} FROM scans WHERE id = ANY(:ids) ORDER BY id"), {"ids": ids})
        ).all()
        await recount(connection, ids)
        after = (
            await connection.execute(text(f"SELECT {columns} FROM scans WHERE id = ANY(:ids) ORDER BY id"), {"ids": ids})
        ).all()
    assert [tuple(row)[:-1] for row in before] == [tuple(row)[:-1] for row in after]

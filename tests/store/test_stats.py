"""Figures by day: the same as counting every scan anew, whatever happened to the scans since."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from server.store import corrections, daily, deletion, scans, stats
from server.store.correction_stats import Pair
from server.store.database import Database
from tests.judged import MODEL, digest
from tests.store.conftest import Judge
from tests.store.seed import seed

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


async def _scan(database: Database, judge: Judge, *names: str) -> UUID:
    scan = await scans.create(database, kind="page", target="x")
    await scans.finish(database, scan, status="done", found=9, images=[judge(name, "ct", 0.97) for name in names])
    return scan


async def _move(database: Database, scan: UUID, moment: datetime) -> None:
    async with database.begin() as connection:
        await connection.execute(text("UPDATE scans SET created_at = :at WHERE id = :id"), {"at": moment, "id": scan})


async def _stale(database: Database) -> int:
    async with database.begin() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM stale_days")) or 0)


async def test_every_change_of_a_scan_is_in_the_figures_at_once(database: Database, judge: Judge) -> None:
    first, second = await _scan(database, judge, "a", "b"), await _scan(database, judge, "c")
    assert (await stats.figures(database)).total.by_modality["ct"] == 3
    assert await _stale(database) == 0
    await corrections.correct(database, digest("a"), "mri")
    found = await stats.figures(database)
    assert (found.total.by_modality["ct"], found.total.by_modality["mri"], found.total.corrected) == (2, 1, 1)
    deleted = await deletion.delete_scans(database, [first])
    assert (await stats.figures(database)).total.scans == 1
    assert deleted.moment
    assert await deletion.restore(database, deleted.moment) == 1
    assert (await stats.figures(database)).total.scans == 2
    await _move(database, second, NOON)
    assert (await stats.figures(database)).days[NOON.date()].scans == 1
    await deletion.delete_scans(database, None)
    async with database.begin() as connection:
        await connection.execute(text("UPDATE scans SET deleted_at = deleted_at - interval '1 hour'"))
    await deletion.purge(database)
    assert (await stats.figures(database)).days == {}


async def test_a_scan_that_only_goes_on_makes_nothing_stale(database: Database, judge: Judge) -> None:
    scan = await _scan(database, judge, "a")
    await stats.figures(database)
    async with database.begin() as connection:
        await connection.execute(text("UPDATE scans SET title = 'x' WHERE id = :id"), {"id": scan})
    assert await _stale(database) == 0


async def test_a_span_may_begin_and_end_within_a_day(database: Database, judge: Judge) -> None:
    hour = timedelta(hours=1)
    for moment in (NOON, NOON + 6 * hour, NOON + 24 * hour, NOON + 48 * hour):
        await _move(database, await _scan(database, judge, "a"), moment)
    for since, until, expected in [
        (NOON, None, 4),
        (NOON + hour, None, 3),
        (NOON + hour, NOON + 7 * hour, 1),
        (NOON - hour, NOON + 24 * hour, 2),
        (NOON - hour, NOON + 25 * hour, 3),
        (NOON + 49 * hour, None, 0),
        (datetime(2026, 3, 10, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC), 2),
        (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC), 4),
        (NOON + hour, NOON, 0),
    ]:
        assert (await stats.figures(database, since, until)).total.scans == expected, (since, until)


async def test_model_versions_are_told_apart(database: Database, judge: Judge) -> None:
    await _scan(database, judge, "a")
    scan = await scans.create(database, kind="page", target="x")
    await scans.finish(database, scan, status="done", images=[judge("b", model_version="model-2")])
    await scans.create(database, kind="page", target="waits")
    found = {one.model_version: one.figure.unique for one in (await stats.figures(database)).versions}
    assert found == {MODEL: 1, "model-2": 1, None: 0}


async def test_what_people_said_of_answers(database: Database, judge: Judge) -> None:
    await _scan(database, judge, "a", "b", "c")
    for name, modality in [("a", "mri"), ("b", "xray"), ("b", "ct"), ("c", "mri")]:
        await corrections.correct(database, digest(name), modality)
    said = (await stats.figures(database)).corrections
    assert said.pairs == {Pair("ct", "mri"): 2, Pair("ct", "ct"): 1}
    assert (said.images, said.confirmed, said.of_verdict("ct"), said.of_verdict("mri")) == (3, 1, (3, 1), (0, 0))
    assert said.confusion()["ct"]["mri"] == 2
    later = datetime.now(UTC) + timedelta(days=1)
    assert (await stats.figures(database, later)).corrections.images == 0


async def test_figures_of_many_scans_are_those_of_counting_them(database: Database) -> None:
    await seed(database, 3_000)
    readers = await asyncio.gather(*(stats.figures(database) for _ in range(4)))
    async with database.begin() as connection:
        counted = (await connection.execute(text("SELECT count(*), sum(ct), sum(found) FROM scans"))).one()
        assert await daily.refresh(connection) == 0
    for found in readers:
        assert (found.total.scans, found.total.by_modality["ct"], found.total.found) == tuple(counted)
        assert sum(found.confidence) == found.total.unique


async def test_no_scan_is_looked_at_but_the_newest(database: Database) -> None:
    await seed(database, 10_000)
    await stats.figures(database)
    async with database.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("VACUUM ANALYZE"))
    span = {"since": stats.BEGINNING, "until": stats.END}
    async with database.begin() as connection:
        for query, values, index in [
            (stats.STAGES, {**span, "timed": stats.TIMED}, "ix_scans_newest"),
            (daily.COMPUTE_DAYS, {"days": [datetime(2029, 12, 1, tzinfo=UTC).date()]}, "ix_scans_newest"),
            (stats.PART_OF_DAY.format(0), {"since_0": NOON, "until_0": NOON + timedelta(hours=3)}, "ix_scans_newest"),
        ]:
            plan = json.dumps(await connection.scalar(text(f"EXPLAIN (FORMAT JSON) {query}"), values))
            assert index in plan
            assert "Seq Scan" not in plan, plan

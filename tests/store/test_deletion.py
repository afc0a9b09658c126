"""What a purge removes and what it keeps; the export and the statistics of what is there."""

from __future__ import annotations

from contextlib import aclosing
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from server.contract.errors import NotFound
from server.store import corrections, events, export, history, scans, sightings, stats, thumbnails, verdicts
from server.store.database import Database
from server.store.deletion import delete_scans, purge, restore
from server.store.filters import Filters
from tests.judged import MODEL, digest
from tests.store.conftest import Judge


async def _scan(database: Database, judge: Judge, *names: str) -> UUID:
    scan = await scans.create(database, kind="page", target="x")
    await scans.finish(database, scan, status="done", found=len(names), images=[judge(name, thumbnail=b"webp") for name in names])
    return scan


async def _age(database: Database, scan: UUID, days: int) -> None:
    day = ":d * interval '1 day'"
    past = f"UPDATE scans SET created_at = created_at - {day}, deleted_at = deleted_at - {day} WHERE id = :id"
    async with database.begin() as connection:
        await connection.execute(text(past), {"d": days, "id": scan})
        await connection.execute(text(f"UPDATE scan_events SET created_at = created_at - {day}"), {"d": days})


async def test_thumbnails_and_maps_go_with_the_last_scan_that_shows_them(database: Database, judge: Judge) -> None:
    gone, kept = await _scan(database, judge, "a", "b", "c"), await _scan(database, judge, "b")
    await corrections.correct(database, digest("c"), "mri")
    await thumbnails.keep_heatmap(database, digest("a"), MODEL, b"png")
    deleted = await delete_scans(database, [gone])
    assert (await purge(database)).scans == 0  # its minute is not over
    await _age(database, gone, 1)
    assert deleted.moment
    assert await restore(database, deleted.moment - timedelta(days=1)) == 0  # the moment that _age made of it
    purged = await purge(database)
    assert (purged.scans, purged.thumbnails_and_maps) == (1, 2)
    with pytest.raises(NotFound):
        await thumbnails.thumbnail(database, digest("a"))
    assert await thumbnails.heatmap(database, digest("a"), MODEL) is None
    assert await thumbnails.thumbnail(database, digest("b")) == await thumbnails.thumbnail(database, digest("c")) == b"webp"
    assert set(await verdicts.lookup(database, [digest("a")], MODEL)) == {digest("a")}
    assert [entry.id for entry in (await history.page(database)).entries] == [kept]


async def test_old_scans_go_when_a_limit_is_set(database: Database, judge: Judge) -> None:
    old, new = await _scan(database, judge, "a"), await _scan(database, judge, "a")
    await _age(database, old, 31)
    assert (await purge(database)).scans == 0
    assert await events.since(database, old) == []
    assert (await purge(database, retention_days=30)).scans == 1
    assert [entry.id for entry in (await history.page(database)).entries] == [new]


async def test_an_image_knows_where_it_was_seen(database: Database, judge: Judge) -> None:
    first, second = await _scan(database, judge, "a"), await _scan(database, judge, "a", "b")
    page, cursor = await sightings.sightings(database, digest("a"), limit=1)
    rest, end = await sightings.sightings(database, digest("a"), limit=1, cursor=cursor)
    assert [one.scan_id for one in (*page, *rest)] == [second, first]
    assert end is None
    assert await sightings.scan_counts(database, [digest("a"), digest("b"), digest("z")]) == {digest("a"): 2, digest("b"): 1}
    with pytest.raises(NotFound):
        await sightings.image(database, digest("z"))


async def test_the_export_streams_what_the_filters_let_through(database: Database, judge: Judge) -> None:
    await _scan(database, judge, *(str(number) for number in range(export.AT_ONCE + 1)))
    other = await _scan(database, judge, "a", "b")
    async with aclosing(export.rows(database)) as rows:
        found = [row async for row in rows]
    assert len(found) == export.AT_ONCE + 3
    assert [(row.id, row.judged.image.sha256) for row in found[:2]] == [(other, digest("a")), (other, digest("b"))]
    async with aclosing(export.rows(database, Filters(modality="mri"))) as rows:
        assert [row async for row in rows] == []


async def test_figures_add_up(database: Database, judge: Judge) -> None:
    for status, timing in (("done", 10.0), ("done", 30.0), ("failed", 20.0)):
        scan = await scans.create(database, kind="page", target="x")
        images = [
            judge("a", "ct", 0.95, agree=False),
            judge("b", "non_medical", 1.0),
            judge("c", "non_medical", 0.31, uncertain=True),
        ]
        await scans.finish(database, scan, status=status, found=5, timings_ms={"total": timing}, images=images)
    figures = await stats.figures(database)
    assert (figures.total.scans, figures.total.found, figures.total.unique, figures.total.medical) == (3, 15, 9, 3)
    assert (figures.total.uncertain, figures.total.disagreeing, figures.total.by_modality["ct"]) == (3, 3, 3)
    assert figures.by_status == {"done": 2, "failed": 1}
    assert figures.confidence == (0, 0, 0, 3, 0, 0, 0, 0, 0, 6)
    assert figures.stages_ms["total"] == (20.0, pytest.approx(29.0))
    assert list(figures.days.values()) == [figures.total]
    empty = await stats.figures(database, until=stats.BEGINNING)
    assert (empty.total.scans, empty.days, sum(empty.confidence)) == (0, {}, 0)

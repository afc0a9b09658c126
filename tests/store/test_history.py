"""History: pages, filters, search, and that each is answered from an index however many scans there are."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import postgresql

from server.contract.errors import NotFound, RequestError
from server.contract.modalities import MODALITIES, Modality
from server.contract.records import Status
from server.contract.report import counts_json
from server.store import corrections, deletion, history, scans
from server.store.database import Database
from server.store.filters import Filters
from server.store.order import Order, Sort, encode_cursor
from tests.judged import MODEL, digest
from tests.store.conftest import Judge
from tests.store.seed import seed

SCANS = 10_000


async def test_pages_meet_every_scan_once_newest_first(database: Database) -> None:
    await seed(database, 120)
    seen, cursor = [], None
    while True:
        page = await history.page(database, limit=50, cursor=cursor)
        seen += page.entries
        if (cursor := page.next) is None:
            break
    assert len({entry.id for entry in seen}) == 120
    assert [entry.created_at for entry in seen] == sorted((entry.created_at for entry in seen), reverse=True)


async def test_scans_of_the_same_moment_do_not_get_lost_between_pages(database: Database) -> None:
    async with database.begin() as connection:
        for _ in range(5):
            await connection.execute(
                scans.insert(history.scans).values(
                    id=scans.uuid4(), kind="page", target="x", created_at=datetime(2026, 1, 1, tzinfo=UTC)
                )
            )
    first = await history.page(database, limit=2)
    second = await history.page(database, limit=2, cursor=first.next)
    third = await history.page(database, limit=2, cursor=second.next)
    assert len({entry.id for page in (first, second, third) for entry in page.entries}) == 5
    assert third.next is None


async def test_a_row_shows_what_the_report_says(database: Database, judge: Judge) -> None:
    scan = await scans.create(database, kind="page", target="x", url="https://www.example.org/a", title="Knee")
    images = [
        judge("a", "ct", 0.95),
        judge("b", "xray", 0.99, agree=False),
        judge("c", "non_medical", 0.4, uncertain=True, cached=False),
        judge("d", "ct", near="a"),
    ]
    await scans.start(database, scan)
    await scans.finish(database, scan, status="done", found=9, images=images)
    (entry,) = (await history.page(database)).entries
    counts = counts_json(await scans.report(database, scan))
    assert (entry.found, entry.unique, entry.medical, entry.uncertain, entry.cached) == (
        counts["found"], counts["unique"], counts["medical"], counts["uncertain"], counts["cached"],
    )  # fmt: skip
    assert {name: number for name, number in entry.by_modality.items() if number} == counts["by_modality"]
    assert (entry.disagreeing, entry.corrected, entry.host, entry.title) == (1, 0, "www.example.org", "Knee")
    assert entry.previews == (digest("b"), digest("a"))


@pytest.mark.parametrize("status", ["queued", "running", "done", "partial", "failed", "cancelled"])
@pytest.mark.parametrize("modalities", [(), ("non_medical",), ("ct",), ("non_medical", "ct")])
async def test_every_list_shows_scans_of_every_status_whatever_was_judged_so_far(
    database: Database, judge: Judge, status: Status, modalities: tuple[Modality, ...]
) -> None:
    scan = await scans.create(database, kind="page", target="x")
    images = [judge(str(number), modality) for number, modality in enumerate(modalities)]
    if status != "queued":
        await scans.start(database, scan, MODEL)
        await scans.add_images(database, scan, images, 0, [])
    if status not in ("queued", "running"):
        await scans.finish(database, scan, status=status, model_version=MODEL, images=images)
    (entry,) = (await history.page(database)).entries
    judged = 0 if status == "queued" else len(modalities)
    medical = 0 if status == "queued" else modalities.count("ct")
    assert (entry.status, entry.unique, entry.medical, len(entry.previews)) == (status, judged, medical, medical)
    assert await history.among(database, [scan]) == (entry,)
    assert await history.queue(database, datetime(2026, 1, 1, tzinfo=UTC)) == (() if status in ("done", "partial") else (entry,))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"modality": "ct"}, 2),
        ({"status": "failed"}, 0),
        ({"kind": "pdf"}, 10),
        ({"uncertain": True}, 0),
        ({"since": datetime(2029, 12, 31, 23, 50, tzinfo=UTC)}, 1),
        ({"until": datetime(2029, 12, 31, 23, 50, tzinfo=UTC)}, 99),
        ({"q": "case 77"}, 1),
        ({"q": "CASE"}, 100),
        ({"q": "teaching/c4ca"}, 1),
        ({"q": "ca"}, 100),  # two letters find how a word begins
        ({"q": "as"}, 0),
        ({"q": "site1.example"}, 1),
        ({"q": "100%_"}, 0),  # not a pattern
        ({"q": "  "}, 100),
        ({"q": "\x00"}, 0),
    ],
)
async def test_filters(database: Database, changes: dict[str, Any], expected: int) -> None:
    await seed(database, 100)
    assert len((await history.page(database, Filters(**changes), limit=200)).entries) == expected


async def test_a_figure_is_found_by_every_modality_that_it_contains(database: Database, judge: Judge) -> None:
    mixed = judge("a", "ct", contains=("ct", "mri"))
    figure, plain = [await scans.create(database, kind="page", target=name) for name in ("figure", "plain")]
    await scans.finish(database, figure, status="done", images=[mixed, judge("b", "non_medical")])
    await scans.finish(database, plain, status="done", images=[judge("c", "mri")])

    async def found(modality: Modality) -> list[str]:
        return [entry.target for entry in (await history.page(database, Filters(modality=modality))).entries]

    assert [await found(name) for name in MODALITIES] == [[], ["figure"], ["plain", "figure"], [], [], ["figure"]]
    (_, entry) = (await history.page(database)).entries
    assert {name: number for name, number in entry.by_modality.items() if number} == {"ct": 1, "non_medical": 1}
    await corrections.correct(database, digest("a"), "xray")
    assert [await found(name) for name in MODALITIES] == [["figure"], [], ["plain"], [], [], ["figure"]]
    await corrections.undo(database, digest("a"))
    assert await found("mri") == ["plain", "figure"]


@pytest.mark.parametrize("cursor", ["", "x", "W10", "ImEi", "bnVsbA", "WzEsMl0", "WyIyMDI2LTAxLTAxIiwgImEiXQ", "é" * 9])
async def test_a_cursor_that_is_not_ours_is_refused(database: Database, cursor: str) -> None:
    with pytest.raises(RequestError):
        await history.page(database, cursor=cursor)


async def test_a_page_is_never_longer_than_allowed(database: Database) -> None:
    await seed(database, history.MOST + 10)
    assert len((await history.page(database, limit=1_000_000)).entries) == history.MOST


async def test_the_last_report_of_a_page(database: Database) -> None:
    url = "https://example.org/" + "a" * 5_000
    with pytest.raises(NotFound):
        await history.last_report(database, url)
    first, second, failed = [await scans.create(database, kind="page", target="x", url=url) for _ in range(3)]
    for scan in (first, second):
        await scans.finish(database, scan, status="done")
    await scans.finish(database, failed, status="failed")
    assert (await history.last_report(database, url)).id == second


async def test_every_filter_is_answered_from_an_index(database: Database) -> None:
    await seed(database, SCANS)
    middle = encode_cursor(datetime(2029, 12, 1, tzinfo=UTC), scans.uuid4())
    nothing = Filters()
    for filters, index in [
        (nothing, "ix_scans_newest"),
        (replace(nothing, modality="ct"), "ix_scans_has_ct"),
        (replace(nothing, modality="ultrasound"), "ix_scans_has_ultrasound"),
        (replace(nothing, uncertain=True), "ix_scans_has_uncertain"),
        (replace(nothing, corrected=True), "ix_scans_has_corrected"),
        (replace(nothing, disagreeing=True), "ix_scans_has_disagreeing"),
        (replace(nothing, status="failed"), "ix_scans_status"),
        (replace(nothing, kind="pdf"), "ix_scans_kind"),
        (replace(nothing, q="teaching/c4ca42"), "ix_scans_grams"),
        (replace(nothing, since=datetime(2029, 1, 1, tzinfo=UTC)), "ix_scans_newest"),
        (replace(nothing, confidence=(9, 10)), "ix_scans_newest"),
        (replace(nothing, url="https://site1.example/teaching/x"), "ix_scans_url"),
        (replace(nothing, fold=True), "ix_scans_newest"),
        (replace(nothing, fold=True, status="failed"), "ix_scans_url"),
    ]:
        for cursor in (None, middle):
            plan = await _plan(database, history.page_query(filters, 50, cursor))
            assert index in plan, (asdict(filters), cursor, plan)
            assert "Seq Scan" not in plan, (asdict(filters), cursor, plan)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("by", ["name", "images", "medical", "uncertain"])
async def test_every_order_is_answered_from_an_index(database: Database, by: Sort, reverse: bool) -> None:
    await seed(database, SCANS)
    value: str | int = "case" if by == "name" else 1
    for cursor in (None, encode_cursor(datetime(2029, 12, 1, tzinfo=UTC), scans.uuid4(), by, value)):
        plan = await _plan(database, history.page_query(Filters(), 50, cursor, Order(by, reverse)))
        assert f"ix_scans_by_{'unique_images' if by == 'images' else by}" in plan, plan
        assert "Seq Scan" not in plan, plan


async def test_scans_of_one_address_fold_into_the_newest_that_matches(database: Database) -> None:
    urls = ("https://a.example/", "https://b.example/", "https://a.example/", None, None, "https://a.example/")
    asked = [await scans.create(database, kind="page", target=url or "x.pdf", url=url) for url in urls]
    await scans.finish(database, asked[2], status="failed")
    first, second, third, upload, another, newest = asked
    fold = Filters(fold=True)

    async def shown(filters: Filters) -> list[tuple[object, int]]:
        return [(entry.id, entry.earlier) for entry in (await history.page(database, filters)).entries]

    assert await shown(fold) == [(newest, 2), (another, 0), (upload, 0), (second, 0)]
    assert await shown(replace(fold, status="failed")) == [(third, 1)]
    assert await shown(Filters(url="https://a.example/")) == [(newest, 2), (third, 1), (first, 0)]
    assert [entry.id for entry in await history.among(database, [first, newest], fold)] == [newest]
    await deletion.delete_scans(database, [newest])
    assert await shown(fold) == [(another, 0), (upload, 0), (third, 1), (second, 0)]


async def test_earlier_scans_are_counted_up_to_a_limit(database: Database) -> None:
    url = "https://a.example/"
    async with database.begin() as connection:
        rows = [{"id": scans.uuid4(), "kind": "page", "target": url, "url": url} for _ in range(history.MOST_EARLIER + 5)]
        await connection.execute(scans.insert(history.scans).values(rows))
    (entry,) = (await history.page(database, Filters(fold=True))).entries
    assert entry.earlier == history.MOST_EARLIER


async def test_scans_with_an_image_of_such_a_confidence(database: Database, judge: Judge) -> None:
    scan = await scans.create(database, kind="page", target="x")
    await scans.finish(database, scan, status="done", images=[judge("a", "ct", 0.55), judge("b", "ct", 1.0)])
    await scans.create(database, kind="page", target="nothing judged")
    found = {
        (low, high): len((await history.page(database, Filters(confidence=(low, high)))).entries)
        for low, high in [(0, 5), (5, 6), (6, 9), (9, 10), (0, 10), (7, 7)]
    }
    assert found == {(0, 5): 0, (5, 6): 1, (6, 9): 0, (9, 10): 1, (0, 10): 1, (7, 7): 0}


async def _plan(database: Database, query: Select[Any]) -> str:
    """What Postgres would do, for the statement as the program sends it."""
    compiled = query.compile(dialect=postgresql.psycopg.dialect(), compile_kwargs={"render_postcompile": True})
    async with database.engine.connect() as connection:
        raw = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}", compiled.params)
        return json.dumps(raw.scalar())

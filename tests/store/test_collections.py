"""Collections: made, renamed, filled, put in order, emptied, deleted, restored, read page by page, and kept."""

from __future__ import annotations

from contextlib import aclosing
from uuid import uuid4

import pytest
from sqlalchemy import text

from server.contract.errors import NameTaken, NotFound, RequestError
from server.store import collected, collection_items, collections, scans, tags
from server.store.database import Database
from server.store.deletion import delete_scans, purge, restore
from server.store.tags import Marked
from tests.judged import digest
from tests.store.conftest import Judge
from tests.store.test_tags import made_older, scan_of


async def names_in(database: Database, one: collections.Collection) -> list[str]:
    return [image.row.judged.image.sha256[:4] for image in await collected.images(database, one.id)]


def short(*names: str) -> list[str]:
    return [digest(name)[:4] for name in names]


async def test_a_collection_is_made_renamed_noted_and_listed(database: Database) -> None:
    first, second = await collections.create(database, " Rounds  Monday "), await collections.create(database, "Atlas")
    assert first.name == "Rounds Monday"
    with pytest.raises(NameTaken, match="atlas"):
        await collections.create(database, "atlas")
    with pytest.raises(NameTaken):
        await collections.change(database, first.id, name="ATLAS")
    with pytest.raises(RequestError, match="needs a name"):
        await collections.create(database, " ")
    changed = await collections.change(database, first.id, name="rounds monday", note="for teaching")
    assert (changed.name, changed.note) == ("rounds monday", "for teaching")
    assert [one.id for one in await collections.collections(database)] == [first.id, second.id]
    with pytest.raises(NotFound):
        await collections.change(database, uuid4(), name="x")


async def test_items_are_added_once_and_put_in_order(database: Database, judge: Judge) -> None:
    scan = await scan_of(database, judge, "a", "b", "c")
    one = await collections.create(database, "x")
    shas = [digest(name) for name in "abc"]
    for wanted, new, already in ((shas[:2], 3, 0), (shas, 1, 3)):
        added = await collection_items.add(database, one.id, [scan], wanted, scan)
        assert (len(added.items), added.already) == (new, already)
    assert await names_in(database, one) == short("a", "b", "c")
    items = [image.item for image in await collected.images(database, one.id)]
    await collection_items.move(database, one.id, items[2], items[0])
    assert await names_in(database, one) == short("c", "a", "b")
    await collection_items.move(database, one.id, items[2], None)
    assert await names_in(database, one) == short("a", "b", "c")
    assert [found.entry.id for found in await collected.scan_items(database, one.id)] == [scan]
    filled = await collections.collection(database, one.id)
    assert (filled.scans, filled.images, filled.previews) == (1, 3, tuple(shas))
    with pytest.raises(NotFound):
        await collection_items.move(database, one.id, items[0], 10**9)
    for wrong in ({"scan_ids": [uuid4()]}, {"shas": [digest("none")]}, {"shas": [digest("a")], "found_in": uuid4()}):
        with pytest.raises(NotFound):
            await collection_items.add(database, one.id, **wrong)  # type: ignore[arg-type]


async def test_a_full_collection_refuses_more(database: Database, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = await scan_of(database, judge, "a", "b", "c")
    monkeypatch.setattr(collection_items, "MAX_ITEMS", 2)
    monkeypatch.setattr(collections, "MAX_COLLECTIONS", 1)
    one = await collections.create(database, "x")
    await collection_items.add(database, one.id, [scan], [digest("a")])
    with pytest.raises(RequestError, match="2 scans and images at most"):
        await collection_items.add(database, one.id, shas=[digest("b")])
    with pytest.raises(RequestError, match="1 collections at most"):
        await collections.create(database, "y")


async def test_removed_items_come_back_where_they_were(database: Database, judge: Judge) -> None:
    scan = await scan_of(database, judge, "a", "b", "c")
    one = await collections.create(database, "x")
    await collection_items.add(database, one.id, shas=[digest(name) for name in "abc"], found_in=scan)
    items = [image.item for image in await collected.images(database, one.id)]
    removed = await collection_items.remove(database, one.id, [items[1]])
    assert removed.count == 1
    assert removed.moment
    assert await names_in(database, one) == short("a", "c")
    assert await collection_items.put_back(database, one.id, removed.moment) == 1
    assert await names_in(database, one) == short("a", "b", "c")
    await collection_items.remove(database, one.id, [items[0]])
    await collection_items.add(database, one.id, shas=[digest("a")])  # added again before the purge: at the end
    assert await names_in(database, one) == short("b", "c", "a")


async def test_a_deleted_collection_can_be_restored_for_a_minute(database: Database, judge: Judge) -> None:
    scan = await scan_of(database, judge, "a")
    one = await collections.create(database, "x")
    await collection_items.add(database, one.id, [scan], [digest("a")])
    await collections.delete(database, one.id)
    with pytest.raises(NotFound):
        await collections.collection(database, one.id)
    assert (await collections.restore(database, one.id)).images == 1
    await collections.delete(database, one.id)
    await collections.create(database, "x")
    with pytest.raises(NameTaken):
        await collections.restore(database, one.id)
    async with database.begin() as connection:
        await connection.execute(text("UPDATE named_sets SET deleted_at = deleted_at - interval '2 minutes'"))
    with pytest.raises(NotFound):
        await collections.restore(database, one.id)
    await purge(database)
    async with database.begin() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM named_sets")) == 1
        assert await connection.scalar(text("SELECT count(*) FROM set_items")) == 0


async def test_what_is_in_a_collection_survives_age_and_images_survive_their_scan(database: Database, judge: Judge) -> None:
    collected_scan, shows, plain = [await scan_of(database, judge, name) for name in "abc"]
    one = await collections.create(database, "x")
    await collection_items.add(database, one.id, [collected_scan], [digest("b")], shows)
    await made_older(database)
    assert (await purge(database, retention_days=30)).scans == 1
    deleted = await delete_scans(database, [collected_scan, shows])
    assert (await collections.collection(database, one.id)).scans == 0  # hidden while it can be restored
    assert deleted.moment
    await restore(database, deleted.moment)
    assert (await collections.collection(database, one.id)).scans == 1
    await delete_scans(database, [collected_scan, shows])
    await made_older(database)
    await purge(database)
    (left,) = await collected.images(database, one.id)
    assert (left.row.judged.image.sha256, left.row.id, left.row.judged.verdict.modality) == (digest("b"), None, "ct")
    assert await collected.scan_items(database, one.id) == []
    assert plain


async def test_an_image_is_shown_as_in_the_scan_that_it_was_added_from(database: Database, judge: Judge) -> None:
    first, second = await scan_of(database, judge, "a"), await scan_of(database, judge, "a")
    one, other = await collections.create(database, "x"), await collections.create(database, "y")
    await collection_items.add(database, one.id, shas=[digest("a")], found_in=first)
    await collection_items.add(database, other.id, shas=[digest("a")])
    assert [image.row.id for image in await collected.images(database, one.id)] == [first]
    assert [image.row.id for image in await collected.images(database, other.id)] == [second]


async def test_every_image_of_a_collection_is_read_page_by_page(
    database: Database, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collected, "AT_ONCE", 2)
    names = [f"image-{number}" for number in range(5)]
    scan, other = await scan_of(database, judge, *names), await scan_of(database, judge, "z")
    one = await collections.create(database, "x")
    await collection_items.add(database, one.id, [other], [digest(name) for name in reversed(names)], scan)
    await tags.set_tags(database, Marked(sha256=digest("image-3")), ["b", "a"])
    await tags.set_note(database, Marked(sha256=digest("image-3")), "look here")
    async with aclosing(collected.rows(database, one.id)) as rows:  # type: ignore[type-var]
        found = [row async for row in rows]
    assert [row.judged.image.sha256 for row in found] == [digest(name) for name in [*reversed(names), "z"]]
    assert [row.id for row in found] == [scan] * 5 + [other]
    assert (found[1].tags, found[1].note) == (("a", "b"), "look here")
    assert await collected.around(database, one.id, digest("image-3")) == (digest("image-4"), digest("image-2"), 2, 5)
    assert (await collected.around(database, one.id, digest("z")))[2] == 0


async def test_a_tag_is_read_and_renamed_as_a_collection_is(database: Database, judge: Judge) -> None:
    scan = await scan_of(database, judge, "a")
    await tags.set_tags(database, Marked(scan_id=scan), ["thorax"])
    (tag,) = await tags.suggestions(database)
    assert (await collections.change(database, tag.id, name="Chest")).kind == "tag"
    assert (await tags.read(database, Marked(scan_id=scan))).tags == ("Chest",)
    assert await collections.collections(database) == []
    assert await scans.status_of(database, scan) == "done"

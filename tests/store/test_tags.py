"""Tags and notes: set, read, refused, suggested, filtered by, and kept by retention and clean-up."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from server.contract.errors import NotFound, RequestError
from server.store import history, scans, storage, tags, thumbnails
from server.store.database import Database
from server.store.deletion import delete_scans, purge
from server.store.filters import Filters
from server.store.named_sets import NAME_CHARS, NOTE_CHARS
from server.store.tags import MAX_TAGS, Marked
from tests.judged import digest
from tests.store.conftest import Judge

AGED = "UPDATE scans SET created_at = created_at - :age, deleted_at = deleted_at - :age"


async def scan_of(database: Database, judge: Judge, *names: str) -> UUID:
    scan = await scans.create(database, kind="page", target="x")
    await scans.finish(database, scan, status="done", found=len(names), images=[judge(name, thumbnail=b"webp") for name in names])
    return scan


async def made_older(database: Database, age: timedelta = timedelta(days=40)) -> None:
    """All scans, and what was deleted of them."""
    async with database.begin() as connection:
        await connection.execute(
            text("UPDATE scans SET created_at = created_at - :age, deleted_at = deleted_at - :age"), {"age": age}
        )


async def test_tags_of_a_scan_and_an_image_are_replaced_as_a_whole(database: Database, judge: Judge) -> None:
    scan = await scan_of(database, judge, "a")
    on_scan, on_image = Marked(scan_id=scan), Marked(sha256=digest("a"), found_in=scan)
    assert (await tags.set_tags(database, on_scan, ["Thorax", "  CT   head ", "thorax"])).tags == ("CT head", "Thorax")
    assert (await tags.set_tags(database, on_image, ["THORAX", "For the paper"])).tags == ("For the paper", "Thorax")
    assert [(one.name, one.scans, one.images) for one in await tags.suggestions(database)] == [
        ("CT head", 1, 0), ("For the paper", 0, 1), ("Thorax", 1, 1),
    ]  # fmt: skip
    assert [one.name for one in await tags.suggestions(database, "pap")] == ["For the paper"]
    assert [one.name for one in await tags.suggestions(database, "%")] == []
    await tags.set_tags(database, on_scan, [])
    assert (await tags.read(database, on_scan)).tags == ()
    assert (await tags.read(database, on_image)).tags == ("For the paper", "Thorax")
    assert [one.name for one in await tags.suggestions(database)] == ["For the paper", "Thorax"]  # nothing carries the other


async def test_a_note_is_kept_replaced_and_removed(database: Database, judge: Judge) -> None:
    scan = await scan_of(database, judge, "a")
    for marked in (Marked(scan_id=scan), Marked(sha256=digest("a"))):
        assert (await tags.set_note(database, marked, "  two\r\nlines\x00 ")).note == "two\nlines\ufffd"
        assert (await tags.set_note(database, marked, "other")).note == "other"
        assert (await tags.set_note(database, marked, " ")).note == ""


async def test_what_is_refused(database: Database, judge: Judge) -> None:
    marked = Marked(scan_id=await scan_of(database, judge))
    for names, why in [
        (["x" * (NAME_CHARS + 1)], f"{NAME_CHARS} characters"), ([" "], "needs a name"),
        ([str(number) for number in range(MAX_TAGS + 1)], f"{MAX_TAGS} tags at most"),
    ]:  # fmt: skip
        with pytest.raises(RequestError, match=why):
            await tags.set_tags(database, marked, names)
    with pytest.raises(RequestError, match=f"{NOTE_CHARS} characters"):
        await tags.set_note(database, marked, "x" * (NOTE_CHARS + 1))
    for nothing in (Marked(scan_id=uuid4()), Marked(sha256=digest("none"))):
        with pytest.raises(NotFound):
            await tags.set_tags(database, nothing, ["x"])
        with pytest.raises(NotFound):
            await tags.set_note(database, nothing, "x")
        with pytest.raises(NotFound):
            await tags.read(database, nothing)


async def test_there_are_not_more_tags_than_a_list_can_show(
    database: Database, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked = Marked(scan_id=await scan_of(database, judge))
    monkeypatch.setattr(tags, "MAX_TAG_NAMES", 2)
    await tags.set_tags(database, marked, ["a", "b"])
    with pytest.raises(RequestError, match="2 tags at most"):
        await tags.set_tags(database, marked, ["a", "b", "c"])
    assert (await tags.read(database, marked)).tags == ("a", "b")


async def test_the_history_is_filtered_by_the_tags_of_scans_and_of_their_images(database: Database, judge: Judge) -> None:
    tagged, shows, other = [await scan_of(database, judge, name) for name in "abc"]
    await tags.set_tags(database, Marked(scan_id=tagged), ["Thorax"])
    await tags.set_tags(database, Marked(sha256=digest("b")), ["thorax"])
    found = await history.page(database, Filters(tag="THORAX"))
    assert {entry.id for entry in found.entries} == {tagged, shows}
    assert other not in {entry.id for entry in found.entries}
    assert (await history.page(database, Filters(tag="none"))).entries == ()


async def test_age_removes_nothing_that_is_tagged_or_noted(database: Database, judge: Judge) -> None:
    tagged, noted, shows_tagged, shows_noted, plain = [await scan_of(database, judge, name) for name in "abcde"]
    await tags.set_tags(database, Marked(scan_id=tagged), ["x"])
    await tags.set_note(database, Marked(scan_id=noted), "x")
    await tags.set_tags(database, Marked(sha256=digest("c")), ["x"])
    await tags.set_note(database, Marked(sha256=digest("d")), "x")
    await made_older(database)
    assert (await purge(database, retention_days=30)).scans == 1
    left = {entry.id for entry in (await history.page(database)).entries}
    assert left == {tagged, noted, shows_tagged, shows_noted}
    assert plain not in left


async def test_a_deleted_scan_takes_its_tags_along_and_leaves_those_of_its_images(database: Database, judge: Judge) -> None:
    scan = await scan_of(database, judge, "a", "b")
    await tags.set_tags(database, Marked(scan_id=scan), ["of the scan"])
    await tags.set_tags(database, Marked(sha256=digest("a"), found_in=scan), ["of the image"])
    await delete_scans(database, [scan])
    await made_older(database)
    await purge(database)
    await purge(database)
    assert [one.name for one in await tags.suggestions(database)] == ["of the image"]
    assert await thumbnails.kept(database, [digest("a"), digest("b")]) == {digest("a")}
    assert (await storage.find_unused(database)).images == 1
    await storage.remove_unused(database)
    assert (await tags.read(database, Marked(sha256=digest("a")))).tags == ("of the image",)
    with pytest.raises(NotFound):
        await tags.read(database, Marked(sha256=digest("b")))

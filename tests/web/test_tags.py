"""Tags and notes over HTTP: replaced, read, refused by name, suggested, and filters of the history and the exports."""

from __future__ import annotations

import csv
import io
from uuid import uuid4

import pytest

from server.store.database import Database
from server.store.named_sets import NAME_CHARS, NOTE_CHARS
from server.store.tags import MAX_TAGS
from server.web.api.answers import TagList, TagsAndNoteShape
from tests.judged import digest, judged
from tests.web.conftest import Client, refusal, scanned


async def test_tags_and_note_of_a_scan_and_an_image(client: Client, kept: Database) -> None:
    scan_id = await scanned(kept, judged("a"))
    for path in (f"/api/scans/{scan_id}", f"/api/images/{digest('a')}"):
        assert await (await client.get(f"{path}/tags")).json() == {"tags": [], "note": ""}
        put = await client.ask("PUT", f"{path}/tags", json={"tags": ["Thorax", "atlas"]})
        assert put.status == 200
        TagsAndNoteShape.model_validate(await put.json())
        await client.ask("PUT", f"{path}/note", json={"note": "for Monday"})
        assert await (await client.get(f"{path}/tags")).json() == {"tags": ["atlas", "Thorax"], "note": "for Monday"}
    found = await (await client.get("/api/tags", params={"q": "tho"})).json()
    TagList.model_validate(found)
    assert [(one["name"], one["scans"], one["images"]) for one in found["tags"]] == [("Thorax", 1, 1)]
    await client.ask("PUT", f"/api/images/{digest('a')}/tags", json={"tags": [], "scan": str(scan_id)})
    assert (await (await client.get(f"/api/images/{digest('a')}/tags")).json())["tags"] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("tags", {"tags": [str(number) for number in range(MAX_TAGS + 1)]}), ("tags", {"tags": ["x" * (NAME_CHARS + 1)]}),
        ("tags", {"tags": [" "]}), ("tags", {"tags": "x"}), ("tags", {}), ("note", {"note": "x" * (NOTE_CHARS + 1)}), ("note", {}),
    ],
)  # fmt: skip
async def test_what_is_refused(client: Client, kept: Database, path: str, body: dict[str, object]) -> None:
    scan_id = await scanned(kept, judged("a"))
    for what in (f"/api/scans/{scan_id}", f"/api/images/{digest('a')}"):
        assert await refusal(await client.ask("PUT", f"{what}/{path}", json=body)) == (400, "bad_request")
        assert (await (await client.get(f"{what}/tags")).json()) == {"tags": [], "note": ""}


async def test_of_what_is_not_there(client: Client, stranger: Client) -> None:
    for path in (f"/api/scans/{uuid4()}", f"/api/images/{digest('none')}", "/api/scans/x"):
        assert await refusal(await client.get(f"{path}/tags")) == (404, "not_found")
        assert await refusal(await client.ask("PUT", f"{path}/tags", json={"tags": ["x"]})) == (404, "not_found")
        assert await refusal(await client.ask("PUT", f"{path}/note", json={"note": "x"})) == (404, "not_found")
    stranger.token = None
    assert (await stranger.ask("PUT", f"/api/images/{digest('a')}/note", json={"note": "x"})).status in {401, 403}


async def test_the_history_and_the_exports_are_filtered_by_tag(client: Client, kept: Database) -> None:
    tagged = await scanned(kept, judged("a"))
    await scanned(kept, judged("b"))
    await client.ask("PUT", f"/api/images/{digest('a')}/tags", json={"tags": ["Thorax", "x"]})
    await client.ask("PUT", f"/api/images/{digest('a')}/note", json={"note": "=1+1"})
    found = await (await client.get("/api/scans", params={"tag": "thorax"})).json()
    assert [scan["id"] for scan in found["scans"]] == [str(tagged)]
    rows = list(csv.DictReader(io.StringIO(await (await client.get("/api/export.csv", params={"tag": "x"})).text())))
    assert [(row["sha256"], row["tags"], row["note"]) for row in rows] == [(digest("a"), "Thorax; x", "'=1+1")]
    (exported,) = await (await client.get("/api/export.json", params={"tag": "x"})).json()
    assert (exported["tags"], exported["note"]) == (["Thorax", "x"], "=1+1")

"""Collections over HTTP: made, filled, listed page by page, put in order, emptied, deleted and restored."""

from __future__ import annotations

from uuid import uuid4

from server.store.collection_items import MAX_ADDED
from server.store.database import Database
from server.web.api import collection_items
from server.web.api.answers import CollectionDeleted, CollectionList, CollectionShape, ItemsAdded, ItemsPage, ItemsRemoved
from server.web.http.limits import MAX_JSON_BYTES
from tests.judged import digest, judged
from tests.web.conftest import Client, refusal, scanned


async def made(client: Client, name: str = "Atlas") -> str:
    answer = await client.post("/api/collections", json={"name": name})
    assert answer.status == 201
    return str(CollectionShape.model_validate(await answer.json()).id)


async def test_a_collection_is_made_filled_and_read(client: Client, kept: Database, monkeypatch: object) -> None:
    scan_id, one = await scanned(kept, judged("a"), judged("b")), await made(client)
    wanted = {"images": [digest("a"), digest("b")], "scan": str(scan_id), "scans": [str(scan_id)]}
    added = await (await client.post(f"/api/collections/{one}/items", json=wanted)).json()
    assert ItemsAdded.model_validate(added).added == 3
    assert (await (await client.post(f"/api/collections/{one}/items", json=wanted)).json()) == {
        "added": 0,
        "already": 3,
        "items": [],
    }
    (listed,) = CollectionList.model_validate(await (await client.get("/api/collections")).json()).collections
    assert (str(listed.id), listed.scans, listed.images) == (one, 1, 2)
    page = ItemsPage.model_validate(await (await client.get(f"/api/collections/{one}/items")).json())
    assert [image.sha256 for image in page.images] == [digest("a"), digest("b")]
    assert page.images[0].scan
    assert (page.images[0].scan.id, page.scans[0].id, page.next) == (scan_id, scan_id, None)


async def test_items_come_page_by_page(client: Client, kept: Database, monkeypatch: object) -> None:
    monkeypatch.setattr(collection_items, "MAX_PAGE", 2)  # type: ignore[attr-defined]
    scan_id, one = await scanned(kept, *(judged(name) for name in "abc")), await made(client)
    await client.post(f"/api/collections/{one}/items", json={"images": [digest(name) for name in "abc"], "scans": [str(scan_id)]})
    first = await (await client.get(f"/api/collections/{one}/items")).json()
    rest = await (await client.get(f"/api/collections/{one}/items", params={"after": first["next"]})).json()
    assert [[image["sha256"] for image in page["images"]] for page in (first, rest)] == [[digest("a"), digest("b")], [digest("c")]]
    assert (len(first["scans"]), len(rest["scans"]), rest["next"]) == (1, 0, None)


async def test_items_are_moved_removed_and_put_back(client: Client, kept: Database) -> None:
    await scanned(kept, *(judged(name) for name in "abc"))
    one = await made(client)
    path = f"/api/collections/{one}/items"
    await client.post(path, json={"images": [digest(name) for name in "abc"]})

    async def order() -> list[tuple[int, str]]:
        return [(image["item"], image["sha256"]) for image in (await (await client.get(path)).json())["images"]]

    (a, _), (b, _), (c, _) = await order()
    assert (await client.post(f"{path}/move", json={"item": c, "before": a})).status == 204
    assert [item for item, _ in await order()] == [c, a, b]
    removed = await (await client.post(f"{path}/remove", json={"items": [a]})).json()
    assert ItemsRemoved.model_validate(removed).count == 1
    assert [item for item, _ in await order()] == [c, b]
    assert (await (await client.post(f"{path}/put-back", json={"undo": removed["undo"]})).json()) == {"count": 1}
    assert [item for item, _ in await order()] == [c, a, b]
    assert await refusal(await client.post(f"{path}/put-back", json={"undo": removed["undo"]})) == (404, "not_found")
    assert await refusal(await client.post(f"{path}/move", json={"item": 10**9})) == (404, "not_found")


async def test_a_collection_is_renamed_deleted_and_restored(client: Client) -> None:
    one, _ = await made(client), await made(client, "Other")
    changed = await (await client.ask("PUT", f"/api/collections/{one}", json={"name": "Renamed", "note": "n"})).json()
    assert (changed["name"], changed["note"]) == ("Renamed", "n")
    assert await refusal(await client.ask("PUT", f"/api/collections/{one}", json={"name": "OTHER"})) == (409, "name_taken")
    assert await refusal(await client.post("/api/collections", json={"name": "other"})) == (409, "name_taken")
    gone = await client.ask("DELETE", f"/api/collections/{one}")
    assert CollectionDeleted.model_validate(await gone.json()).undo_seconds == 60
    assert await refusal(await client.get(f"/api/collections/{one}")) == (404, "not_found")
    assert (await (await client.post(f"/api/collections/{one}/restore", json={})).json())["name"] == "Renamed"


async def test_what_is_refused(client: Client, kept: Database) -> None:
    scan_id, one = await scanned(kept, judged("a")), await made(client)
    path = f"/api/collections/{one}/items"
    for body, problem in [
        ({"images": ["x"]}, (400, "bad_request")), ({"images": [digest("none")]}, (404, "not_found")),
        ({"scans": [str(uuid4())]}, (404, "not_found")),
        ({"scans": [str(scan_id)] * (MAX_ADDED + 1)}, (400, "bad_request")),
    ]:  # fmt: skip
        assert await refusal(await client.post(path, json=body)) == problem
    for name in (" ", "x" * 81):
        assert await refusal(await client.post("/api/collections", json={"name": name})) == (400, "bad_request")
    assert await refusal(await client.get("/api/collections/x")) == (404, "not_found")
    assert MAX_ADDED * (64 + 4) < MAX_JSON_BYTES

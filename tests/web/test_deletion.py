"""Scans deleted in one go and brought back in one go, over HTTP; and the stream that tells the history's rows as they change."""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

import pytest
from aiohttp import ClientResponse
from sqlalchemy import text

from server.contract.modalities import Modality
from server.store import scans
from server.store.database import Database
from server.store.deletion import purge
from server.web.api.answers import ScansForgotten, ScansRestored, ScanSummary
from server.web.api.shapes import MAX_AT_ONCE
from tests.judged import MODEL, digest, judged
from tests.web.conftest import Client, emit, scanned


async def listed(client: Client) -> list[str]:
    return [one["source"]["title"] for one in (await (await client.get("/api/scans")).json())["scans"]]


async def test_several_are_forgotten_and_brought_back_together(client: Client, kept: Database) -> None:
    first, second, _ = [await scanned(kept, title=name) for name in "abc"]
    gone = await client.post("/api/scans/forget", json={"ids": [str(first), str(second), str(uuid4())]})
    told = ScansForgotten.model_validate_json(await gone.text())
    assert (gone.status, told.count, told.undo_seconds) == (200, 2, 60)
    assert await listed(client) == ["c"]
    assert told.undo
    assert (await purge(kept)).scans == 0  # their minute lasts
    back = await client.post("/api/scans/restore", json={"undo": told.undo.isoformat()})
    assert ScansRestored.model_validate_json(await back.text()).count == 2
    assert await listed(client) == ["c", "b", "a"]


async def test_all_are_forgotten_and_what_runs_is_stopped(client: Client, kept: Database) -> None:
    await scanned(kept, title="a")
    running = await scans.create(kept, kind="page", target="b", title="b")
    told = await (await client.post("/api/scans/forget", json={"everything": True})).json()
    assert told["count"] == 2
    assert await listed(client) == []
    await client.post("/api/scans/restore", json={"undo": told["undo"]})
    assert await listed(client) == ["b", "a"]
    assert await scans.status_of(kept, running) == "cancelled"


async def test_after_a_minute_nothing_comes_back(client: Client, kept: Database) -> None:
    await scanned(kept, title="a")
    told = await (await client.post("/api/scans/forget", json={"everything": True})).json()
    async with kept.begin() as connection:
        await connection.execute(text("UPDATE scans SET deleted_at = deleted_at - interval '61 s'"))
        moment = await connection.scalar(text("SELECT deleted_at FROM scans"))
    for undo in (told["undo"], moment.isoformat()):
        late = await client.post("/api/scans/restore", json={"undo": undo})
        assert (late.status, (await late.json())["code"]) == (404, "not_found")
    assert (await purge(kept)).scans == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"ids": []}, {"ids": ["x"]}, {"everything": True, "ids": [str(uuid4())]}, {"ids": [str(uuid4())] * (MAX_AT_ONCE + 1)}],
    ids=["nothing", "none", "no id", "both", "too many"],
)
async def test_a_deletion_names_either_scans_or_everything(client: Client, body: dict[str, object]) -> None:
    answer = await client.post("/api/scans/forget", json=body)
    assert (answer.status, (await answer.json())["code"]) == (400, "bad_request")


async def rows(answer: ClientResponse, count: int) -> list[ScanSummary]:
    found: list[ScanSummary] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            line = (await answer.content.readline()).decode()
            if line.startswith("data: "):
                found.append(ScanSummary.model_validate(json.loads(line[6:])))
    return found


async def test_the_stream_begins_with_the_page_and_goes_on_with_what_changes(client: Client, kept: Database) -> None:
    await scanned(kept, judged("a"), title="there already")
    async with client.session.get(f"{client.base}/api/scans/live", headers={"Authorization": f"Bearer {client.token}"}) as answer:
        (known,) = await rows(answer, 1)
        assert known.source.title == "there already"
        scan_id = await scans.create(kept, kind="page", target="https://example.org", title="new")
        (queued,) = await rows(answer, 1)
        assert (queued.id, queued.status) == (scan_id, "queued")
        await scans.start(kept, scan_id, MODEL)
        kinds: tuple[Modality, ...] = ("ct", "mri", "non_medical")
        await scans.add_images(kept, scan_id, [judged(name, name) for name in kinds])
        await emit(kept, scan_id, ("found", {"found": 3}))
        while not (so_far := (await rows(answer, 1))[0]).counts.unique:
            assert so_far.status == "running"
        assert (so_far.status, so_far.counts.unique, so_far.counts.medical) == ("running", 3, 2)
        assert set(so_far.previews) == {digest("ct"), digest("mri")}
        await scans.finish(kept, scan_id, status="done", found=3)
        assert (await rows(answer, 1))[0].status == "done"


async def test_the_stream_holds_to_its_filters(client: Client, kept: Database) -> None:
    headers = {"Authorization": f"Bearer {client.token}"}
    async with client.session.get(f"{client.base}/api/scans/live?kind=pdf", headers=headers) as answer:
        await scans.create(kept, kind="page", target="x", title="a page")
        await scans.create(kept, kind="pdf", target="x", title="a paper")
        assert [row.source.title for row in await rows(answer, 1)] == ["a paper"]
    refused = await client.get("/api/scans/live?cursor=x")
    assert (refused.status, (await refused.json())["code"]) == (400, "bad_request")

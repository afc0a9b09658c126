"""Event streams over a real socket: what comes, in which order, from where again, and how they end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from aiohttp import ClientResponse, ClientSession, web
from aiohttp.test_utils import TestServer
from sqlalchemy import text

from server.app import create_app
from server.contract.report import image_json
from server.settings import Settings
from server.store import events as kept_events
from server.store import scans
from server.store.database import Database
from server.web.http.keys import DATABASE, STREAMS
from tests.judged import MODEL, judged
from tests.web.conftest import TOKEN, Client, emit, scanned


@dataclass
class Heard:
    kind: str
    id: str
    data: dict[str, object]


async def heard(answer: ClientResponse) -> AsyncIterator[Heard]:
    """The events of a stream, but for what the store says by itself of the status."""
    async for event in everything(answer):
        if event.kind != "status":
            yield event


async def everything(answer: ClientResponse) -> AsyncIterator[Heard]:
    fields: dict[str, str] = {}
    async for raw in answer.content:
        line = raw.decode().rstrip("\r\n")
        if not line and "data" in fields:
            yield Heard(fields["event"], fields.get("id", ""), json.loads(fields["data"]))
        if not line:
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value


@asynccontextmanager
async def listening(client: Client, scan_id: UUID, last: str = "") -> AsyncIterator[ClientResponse]:
    answer = await client.get(f"/api/scans/{scan_id}/events", headers={"Last-Event-ID": last} if last else {})
    assert answer.status == 200
    assert answer.content_type == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-cache"
    try:
        yield answer
    finally:
        answer.close()


async def begun(database: Database) -> UUID:
    scan_id = await scans.create(database, kind="page", target="https://example.org", url="https://example.org")
    await scans.start(database, scan_id, MODEL)
    return scan_id


async def until(condition: object, within: float = 20) -> None:
    async with asyncio.timeout(within):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.02)


async def test_events_come_as_they_happen_and_end_with_done(client: Client, kept: Database) -> None:
    scan_id = await begun(kept)
    one = image_json(judged("a", alt="line\nbreak \u2028 and \r\n more"))
    async with listening(client, scan_id) as answer:
        stream = everything(answer)
        assert [(await anext(stream)).data["status"] for _ in range(2)] == ["queued", "running"]
        await emit(kept, scan_id, ("found", {"sha256": one["sha256"]}), ("verdict", one))
        assert (await anext(stream)).kind == "found"
        told = await anext(stream)
        assert (told.kind, told.data) == ("verdict", one)
        await scans.finish(kept, scan_id, status="done")
        assert [event.kind async for event in stream] == ["done"]


async def test_a_stream_goes_on_after_the_last_event_seen(client: Client, kept: Database) -> None:
    scan_id = await begun(kept)
    await emit(kept, scan_id, *[("found", {"n": n}) for n in range(5)])
    async with listening(client, scan_id) as answer:
        stream = heard(answer)
        first = [await anext(stream) for _ in range(3)]
    await scans.finish(kept, scan_id, status="done")
    async with listening(client, scan_id, last=first[-1].id) as answer:
        rest = [event async for event in heard(answer)]
    assert [event.data.get("n") for event in rest] == [3, 4, None]
    ids = [int(event.id) for event in (*first, *rest)]
    assert ids == sorted(set(ids))
    async with listening(client, scan_id, last=rest[-1].id) as answer:
        again = [event async for event in heard(answer)]
    assert [event.kind for event in again] == ["done"]


async def test_a_scan_that_ended_long_ago_says_so_although_its_events_are_purged(client: Client, kept: Database) -> None:
    scan_id = await scanned(kept, judged("a"), status="partial")
    async with kept.begin() as connection:
        await connection.execute(text("DELETE FROM scan_events"))
    async with listening(client, scan_id) as answer:
        told = [event async for event in heard(answer)]
    assert [(event.kind, event.data) for event in told] == [("done", {"status": "partial"})]


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 30, "١"])
async def test_an_id_that_is_none_of_ours_is_refused(client: Client, kept: Database, last: str) -> None:
    scan_id = await begun(kept)
    answer = await client.get(f"/api/scans/{scan_id}/events", headers={"Last-Event-ID": last})
    assert (answer.status, (await answer.json())["code"]) == (400, "bad_request")


async def test_many_listeners_share_one_connection_to_the_database(client: Client, kept: Database) -> None:
    scan_id = await begun(kept)
    answers = [await client.get(f"/api/scans/{scan_id}/events") for _ in range(30)]
    listeners = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN medlens%'")
    async with kept.begin() as connection:
        assert await connection.scalar(listeners) == 1
    await scans.finish(kept, scan_id, status="done")
    for answer in answers:
        assert [event.kind async for event in heard(answer)] == ["done"]


async def test_without_notifications_a_stream_finds_out_by_itself(
    client: Client, kept: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_events, "POLL_S", 0.1)
    scan_id = await begun(kept)
    async with listening(client, scan_id) as answer:
        async with kept.begin() as connection:  # written without a word to anyone
            row = "INSERT INTO scan_events (scan_id, kind, data) VALUES (:scan, 'done', '{}')"
            await connection.execute(text(row), {"scan": scan_id})
        assert [event.kind async for event in heard(answer)] == ["done"]


async def test_a_silent_stream_is_kept_alive_by_comments(client: Client, kept: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.web.api.events.HEARTBEAT_S", 0.05)
    async with listening(client, await begun(kept)) as answer:
        assert (await answer.content.readline()).startswith(b"retry: ")
        async with asyncio.timeout(20):
            while (await answer.content.readline()).strip() != b": ping":
                pass


async def test_a_listener_that_goes_away_is_let_go(
    client: Client, app: web.Application, kept: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.web.api.events.HEARTBEAT_S", 0.05)
    async with listening(client, await begun(kept)):
        await until(lambda: len(app[STREAMS]) == 1)
    await until(lambda: not app[STREAMS])


async def test_more_streams_than_the_limit_are_refused(
    client: Client, kept: Database, app: web.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(lambda: not app[STREAMS])
    monkeypatch.setattr("server.web.api.events.MAX_STREAMS", 1)
    scan_id = await begun(kept)
    async with listening(client, scan_id):
        await until(lambda: len(app[STREAMS]) == 1)
        answer = await client.get(f"/api/scans/{scan_id}/events")
        assert (answer.status, (await answer.json())["code"]) == (429, "too_many_requests")
        assert int(answer.headers["Retry-After"]) > 0
        await scans.finish(kept, scan_id, status="done")


async def test_a_server_that_stops_lets_streams_go(database_settings: Settings, session: ClientSession, tmp_path: Path) -> None:
    settings = database_settings.model_copy(update={"data_dir": tmp_path})
    app = create_app(settings)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(access_log=None)
    client = Client(server, session, (settings.data_dir / "token").read_text().strip())
    assert client.token != TOKEN
    async with listening(client, await begun(app[DATABASE])):
        await until(lambda: len(app[STREAMS]) == 1)
        async with asyncio.timeout(10):  # not the minute that aiohttp gives open handlers
            await server.close()

"""Heat maps over HTTP: made by a worker while one waits, or a plain word when to come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from server.jobs import heatmaps
from server.jobs.heatmaps import Explain
from server.store import thumbnails
from server.store.database import Database
from server.web.api.images import PRIVATE
from tests.judged import MODEL, digest, judged
from tests.web.conftest import Client, scanned, webp

PATH = f"/api/images/{digest('a')}/heatmap"
MAP = b"\x89PNG made"


@asynccontextmanager
async def maker(database: Database, explain: Explain) -> AsyncIterator[None]:
    """A worker's part in it."""
    serving = asyncio.create_task(heatmaps.serve(database, explain))
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.wait([serving])


async def until_made(client: Client) -> tuple[str, bytes]:
    async with asyncio.timeout(60):
        while (answer := await client.get(PATH)).status == 503:
            pass
    assert answer.status == 200
    return answer.headers["Cache-Control"], await answer.read()


@pytest.fixture(autouse=True)
async def pictured(kept: Database) -> None:
    await scanned(kept, judged("a", thumbnail=webp()))


async def test_one_is_made_by_a_worker_and_then_kept(client: Client, kept: Database) -> None:
    made: list[tuple[str, str]] = []

    async def explain(sha256: str, model_version: str) -> None:
        made.append((sha256, model_version))
        await thumbnails.keep_heatmap(kept, sha256, model_version, MAP)

    async with maker(kept, explain):
        assert await asyncio.gather(*(until_made(client) for _ in range(3))) == [(PRIVATE, MAP)] * 3
    assert set(made) == {(digest("a"), MODEL)}
    assert await until_made(client) == (PRIVATE, MAP)  # with no worker about


async def test_a_request_during_computation_is_refused_with_retry_after(
    client: Client, kept: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.web.api.images.HEATMAP_WAIT_S", 0.2)
    answer = await client.get(PATH)
    problem = await answer.json()
    assert (answer.status, problem["code"], answer.headers["Retry-After"]) == (503, "not_made_yet", "2")
    assert "no worker is running" in problem["detail"]
    assert problem["retry_after"] == 2
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def explain(sha256: str, model_version: str) -> None:
        asked.set()
        await go_on.wait()
        await thumbnails.keep_heatmap(kept, sha256, model_version, MAP)

    async with maker(kept, explain), asyncio.timeout(60):
        while not asked.is_set():
            assert (await client.get(PATH)).status == 503
        go_on.set()
        assert await until_made(client) == (PRIVATE, MAP)


async def test_one_that_fails_does_not_end_the_making_of_others(client: Client, kept: Database) -> None:
    turns = 0

    async def explain(sha256: str, model_version: str) -> None:
        nonlocal turns
        turns += 1
        if turns == 1:
            raise RuntimeError("nobody foresaw this")
        await thumbnails.keep_heatmap(kept, sha256, model_version, MAP)

    async with maker(kept, explain):
        assert await until_made(client) == (PRIVATE, MAP)
    assert turns > 1


async def test_the_contract_tells_when_to_come_back(client: Client) -> None:
    told = await (await client.get("/api/openapi.json")).json()
    refused = told["paths"]["/api/images/{sha256}/heatmap"]["get"]["responses"]["503"]
    assert "not_made_yet" in refused["description"]
    assert "Retry-After" in refused["headers"]

"""An image, its verdict and its event are stored together or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.errors import DatabaseUnavailable
from server.contract.records import JudgedImage, UniqueImage
from server.scan.recorder import StoreRecorder
from server.store import events, scans, verdicts
from server.store.database import Database
from server.store.events import NewEvent
from tests.judged import MODEL, digest, verdict

ONE = JudgedImage(UniqueImage(digest("a"), 640, 480, "png", 99, (), b"", "00ff00ff00ff00ff"), verdict("ct"))


async def started(database: Database) -> UUID:
    scan_id = await scans.create(database, kind="page", target="x", url="https://example.org/")
    assert await scans.start(database, scan_id)
    return scan_id


async def verdicts_told(database: Database, scan_id: UUID) -> list[str]:
    return [event.data["sha256"] for event in await events.since(database, scan_id) if event.kind == "verdict"]


async def test_an_image_and_its_event_appear_together(database: Database) -> None:
    scan_id = await started(database)
    async with StoreRecorder(database, scan_id, MODEL) as recorder:
        await recorder.add(ONE)
        assert await recorder.cached(ONE.image.sha256) == replace(ONE, verdict=replace(ONE.verdict, cached=True))
    assert [judged.image.sha256 for judged in (await scans.report(database, scan_id)).images] == [ONE.image.sha256]
    assert await verdicts_told(database, scan_id) == [ONE.image.sha256]


async def test_a_writer_that_dies_in_between_leaves_neither(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    scan_id = await started(database)

    async def die(connection: AsyncConnection, scan_id: UUID, told: Sequence[NewEvent]) -> None:
        await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    async with StoreRecorder(database, scan_id, MODEL) as recorder:
        with monkeypatch.context() as patched:
            patched.setattr(scans, "record", die)
            with pytest.raises(DatabaseUnavailable):
                await recorder.add(ONE)
        assert (await scans.report(database, scan_id)).images == ()
        assert await verdicts_told(database, scan_id) == []
        assert await verdicts.lookup(database, [ONE.image.sha256], MODEL) == {}
        await recorder.add(ONE)  # and the next try writes both
    assert len((await scans.report(database, scan_id)).images) == len(await verdicts_told(database, scan_id)) == 1


async def test_progress_that_cannot_be_written_is_written_with_the_next(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan_id = await started(database)
    told, write = 0, scans.progress

    async def once_unavailable(database: Database, scan_id: UUID, **latest: object) -> None:
        nonlocal told
        told += 1
        if told == 1:
            raise DatabaseUnavailable("gone for a moment")
        await write(database, scan_id, **latest)  # type: ignore[arg-type]

    monkeypatch.setattr(scans, "progress", once_unavailable)
    monkeypatch.setattr("server.scan.recorder.PROGRESS_INTERVAL_S", 0.0)
    async with StoreRecorder(database, scan_id, "m") as recorder:
        for found in (1, 2):
            recorder.set_progress(found, {}, None)
            async with asyncio.timeout(30):
                while told < found:
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(30):
            while not (counts := [event.data["found"] for event in await events.since(database, scan_id) if event.kind == "found"]):
                pass
    assert counts == [2]

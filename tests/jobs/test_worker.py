"""A worker in this process: runs several scans at once, stops them, puts them back on the queue."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from server.contract.errors import Damaged
from server.jobs import recovery, retry, worker
from server.jobs.queue import Queue, open_app
from server.settings import Settings
from server.store import deletion, events, scans
from server.store.database import Database
from tests.jobs.conftest import Work, ask, kinds, until


async def test_scans_are_taken_and_done_several_at_once(
    database: Database, database_settings: Settings, queue: Queue, work: Work
) -> None:
    together = asyncio.Barrier(database_settings.scans_at_once)

    async def run_scan(scan_id: UUID) -> None:
        await scans.start(database, scan_id)
        await together.wait()
        await scans.finish(database, scan_id, status="done")

    asked = [await ask(database, queue) for _ in range(2 * database_settings.scans_at_once)]
    assert await queue.waiting() == len(asked)
    async with work(run_scan):
        for scan_id in asked:
            await until(lambda scan_id=scan_id: _is(database, scan_id, "done"))
        assert await queue.workers() == 1
    assert await queue.waiting() == 0
    await until(lambda: _no_jobs(database))


async def test_a_running_scan_can_be_cancelled(database: Database, queue: Queue, work: Work) -> None:
    taken = asyncio.Event()

    async def run_scan(scan_id: UUID) -> None:
        await scans.start(database, scan_id)
        await scans.progress(database, scan_id, found=7, skipped={"blank": 1})
        taken.set()
        await asyncio.sleep(600)

    scan_id = await ask(database, queue)
    async with work(run_scan):
        await asyncio.wait_for(taken.wait(), 60)
        assert await queue.cancel(scan_id)
        await until(lambda: _is(database, scan_id, "cancelled"))
    assert (await scans.report(database, scan_id)).found == 7
    assert await kinds(database, scan_id) == ["status", "status", "found", "done"]
    assert not await queue.cancel(scan_id)


async def test_a_waiting_scan_can_be_cancelled(database: Database, queue: Queue, work: Work) -> None:
    scan_id = await ask(database, queue)
    assert await queue.cancel(scan_id)
    assert await scans.status_of(database, scan_id) == "cancelled"
    assert await queue.waiting() == 0


async def test_asking_twice_asks_once(database: Database, queue: Queue) -> None:
    scan_id = await ask(database, queue)
    await queue.enqueue(scan_id)
    assert await queue.waiting() == 1


async def test_callers_take_turns(database: Database, queue: Queue, database_settings: Settings) -> None:
    """One page of somebody is scanned before the second page of whoever brought many, whichever came first."""
    done: list[UUID] = []

    async def one_after_another(scan_id: UUID) -> None:
        await scans.start(database, scan_id)
        done.append(scan_id)
        await scans.finish(database, scan_id, status="done")

    async def asked(caller: str) -> UUID:
        scan_id = await scans.create(database, kind="page", target=caller)
        await queue.enqueue(scan_id, caller)
        return scan_id

    many = [await asked("many") for _ in range(4)]
    few = [await asked("few") for _ in range(2)]
    one_at_once = database_settings.model_copy(update={"scans_at_once": 1})
    task = asyncio.create_task(worker.run_worker(database, one_at_once, one_after_another))

    async def all_done() -> bool:
        return len(done) == len(many) + len(few)

    await until(all_done)
    task.cancel()
    await asyncio.wait((task,))
    assert done == [many[0], few[0], many[1], few[1], many[2], many[3]]


async def test_a_stopped_worker_puts_its_scans_back(database: Database, queue: Queue, work: Work) -> None:
    taken = asyncio.Event()

    async def never_ends(scan_id: UUID) -> None:
        await scans.start(database, scan_id)
        taken.set()
        await asyncio.sleep(600)

    async def ends(scan_id: UUID) -> None:
        await scans.start(database, scan_id)
        await scans.finish(database, scan_id, status="done")

    scan_id = await ask(database, queue)
    async with work(never_ends):
        await asyncio.wait_for(taken.wait(), 60)
    assert await scans.status_of(database, scan_id) == "queued"
    assert await queue.waiting() == 1
    async with work(ends):
        await until(lambda: _is(database, scan_id, "done"))


@pytest.mark.parametrize(
    ("error", "code", "tries"), [(Damaged("cut off"), "damaged", 1), (ZeroDivisionError("secret"), "internal", retry.MAX_ATTEMPTS)]
)
async def test_a_scan_that_raises_is_failed_and_the_worker_goes_on(
    database: Database, queue: Queue, work: Work, error: Exception, code: str, tries: int
) -> None:
    async def run_scan(scan_id: UUID) -> None:
        asked = await scans.start(database, scan_id)
        if asked is not None and asked.target == "bad":
            await events.append(database, scan_id, "tried", {})
            raise error
        await scans.finish(database, scan_id, status="done")

    bad, good = await ask(database, queue, "bad"), await ask(database, queue, "good")
    async with work(run_scan):
        await until(lambda: _is(database, bad, "failed"))
        await until(lambda: _is(database, good, "done"))
    failed = (await scans.report(database, bad)).error
    assert failed is not None
    assert failed.code == code
    assert "secret" not in failed.message
    assert (await kinds(database, bad)).count("tried") == tries


async def test_a_scan_that_was_never_queued_is_found(database: Database, queue: Queue) -> None:
    scan_id = await scans.create(database, kind="page", target="x")
    async with open_app(database).open_async() as app:
        await recovery.sweep(database, app)
        assert await queue.waiting() == 0  # its asker may be about to
        await _age(database, scan_id, retry.LOST_AFTER_S)
        await recovery.sweep(database, app)
        assert await queue.waiting() == 1


async def test_a_scan_that_nobody_runs_any_more_is_ended(database: Database) -> None:
    scan_id = await scans.create(database, kind="page", target="x")
    await scans.start(database, scan_id)
    await _age(database, scan_id, retry.ABANDONED_AFTER_S)
    async with open_app(database).open_async() as app:
        await recovery.sweep(database, app)
    assert await _is(database, scan_id, "failed")


async def test_recoveries_at_once_count_one_death(database: Database, queue: Queue) -> None:
    scan_id = await ask(database, queue)
    async with database.begin() as connection:
        await connection.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
    async with open_app(database, connections=4).open_async() as app:
        await asyncio.gather(*(recovery.recover(database, app) for _ in range(4)))
    async with database.begin() as connection:
        assert await connection.scalar(text("SELECT worker_deaths FROM scans WHERE id = :id"), {"id": scan_id}) == 1
    assert await queue.waiting() == 1


async def test_a_cancelled_scan_of_a_dead_worker_is_not_run_again(database: Database, queue: Queue) -> None:
    scan_id = await ask(database, queue)
    await scans.start(database, scan_id)
    async with database.begin() as connection:
        await connection.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
    assert await queue.cancel(scan_id)
    async with open_app(database).open_async() as app:
        await recovery.recover(database, app)
    assert await _is(database, scan_id, "cancelled")
    assert await _no_jobs(database)


async def test_a_worker_forgets_what_is_due(database: Database, queue: Queue, work: Work) -> None:
    async def nothing(scan_id: UUID) -> None:
        raise AssertionError(f"nobody asked for {scan_id}")

    scan_id = await scans.create(database, kind="page", target="x")
    await deletion.delete_scans(database, [scan_id])
    async with database.begin() as connection:
        await connection.execute(text("UPDATE scans SET deleted_at = deleted_at - interval '1 hour'"))
    async with work(nothing):
        await until(lambda: _is_gone(database))


async def _is_gone(database: Database) -> bool:
    async with database.begin() as connection:
        return await connection.scalar(text("SELECT count(*) FROM scans")) == 0


async def _age(database: Database, scan_id: UUID, seconds: float) -> None:
    older = (
        "UPDATE scans SET created_at = created_at - make_interval(secs => :s), started_at = started_at - make_interval(secs => :s)"
    )
    async with database.begin() as connection:
        await connection.execute(text(f"{older} WHERE id = :id"), {"s": seconds + 1, "id": scan_id})


async def _is(database: Database, scan_id: UUID, status: str) -> bool:
    return await scans.status_of(database, scan_id) == status


async def _no_jobs(database: Database) -> bool:
    async with database.begin() as connection:
        return await connection.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 0


async def test_a_mistake_in_maintenance_does_not_end_it(database: Database, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = 0

    async def mistaken(*_: object) -> None:
        nonlocal rounds
        rounds += 1
        raise ZeroDivisionError("a mistake of ours")

    async def idle(scan_id: UUID) -> None:
        pass

    async def twice() -> bool:
        return rounds > 1

    monkeypatch.setattr(worker, "recover", mistaken)
    monkeypatch.setattr(worker, "RECOVER_EVERY_S", 0.01)
    async with work(idle):
        await until(twice)

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from server.classify.batching import WAITING_BATCHES, MicroBatcher
from server.contract.errors import Cancelled, ModelError, WeightsMissing

SOON = 5.0  # seconds: what must happen at once, on a machine that may be busy


class Doubler:
    """Doubles numbers, keeps what it saw; `hold` makes it wait, a negative number breaks it."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.threads: set[int] = set()
        self.go = threading.Event()
        self.go.set()
        self.busy = threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.busy.set()
        assert self.go.wait(SOON)
        self.batches.append(list(items))
        self.threads.add(threading.get_ident())
        if any(item < 0 for item in items):
            raise RuntimeError("below nought")
        return [2 * item for item in items]


@asynccontextmanager
async def running(run: Any, size: int = 4, wait_s: float = 0.0) -> AsyncIterator[MicroBatcher[int, int]]:
    batcher: MicroBatcher[int, int] = MicroBatcher(run, size, wait_s)
    try:
        yield batcher
    finally:
        await batcher.stop()


async def held(run: Doubler, batcher: MicroBatcher[int, int]) -> asyncio.Task[int]:
    """A first item that keeps the thread busy until `run.go` is set."""
    run.go.clear()
    run.busy.clear()
    task = asyncio.create_task(batcher.submit(0))
    assert await asyncio.to_thread(run.busy.wait, SOON)
    return task


async def test_items_of_many_callers_run_together_in_one_thread() -> None:
    run = Doubler()
    async with running(run, size=4) as batcher:
        first = await held(run, batcher)
        others = [asyncio.create_task(batcher.submit(number)) for number in range(1, 9)]
        await asyncio.sleep(0)
        run.go.set()
        assert await asyncio.gather(first, *others) == [2 * number for number in range(9)]
    assert run.batches == [[0], [1, 2, 3, 4], [5, 6, 7, 8]]
    assert run.threads.isdisjoint({threading.get_ident()})
    assert len(run.threads) == 1


async def test_the_first_item_waits_for_company() -> None:
    run = Doubler()
    async with running(run, size=2, wait_s=SOON) as batcher, asyncio.timeout(SOON / 2):
        first = asyncio.create_task(batcher.submit(1))
        await asyncio.sleep(0.01)
        assert await batcher.submit(2) == 4  # the batch is full, nobody waits any longer
        assert await first == 2
    assert run.batches == [[1, 2]]


async def test_company_that_does_not_come_is_not_waited_for() -> None:
    run = Doubler()
    async with running(run, size=2, wait_s=0.01) as batcher, asyncio.timeout(SOON):
        assert await batcher.submit(1) == 2


async def test_an_item_that_breaks_a_batch_breaks_only_its_caller() -> None:
    run = Doubler()
    async with running(run) as batcher:
        first = await held(run, batcher)
        others = [asyncio.create_task(batcher.submit(number)) for number in (1, -1, 2)]
        await asyncio.sleep(0)
        run.go.set()
        good, bad, also_good = await asyncio.gather(*others, return_exceptions=True)
        assert (await first, good, also_good) == (0, 2, 4)
        assert isinstance(bad, ModelError)
        assert "below nought" in str(bad)
        assert await batcher.submit(3) == 6


async def test_our_own_errors_arrive_as_they_are() -> None:
    def run(items: Sequence[int]) -> list[int]:
        raise WeightsMissing("none here")

    async with running(run) as batcher:
        with pytest.raises(WeightsMissing, match="none here"):
            await batcher.submit(1)


async def test_a_model_that_miscounts_is_an_error_not_a_mix_up() -> None:
    async with running(lambda items: [1, 2, 3]) as batcher:
        with pytest.raises(ModelError, match="3 answers to 1"):
            await batcher.submit(1)


async def test_a_cancelled_caller_leaves_its_batch() -> None:
    run = Doubler()
    async with running(run) as batcher:
        first = await held(run, batcher)
        leaver, stayer = (asyncio.create_task(batcher.submit(number)) for number in (1, 2))
        await asyncio.sleep(0)
        leaver.cancel()
        await asyncio.sleep(0)
        run.go.set()
        assert (await first, await stayer) == (0, 4)
    assert run.batches == [[0], [2]]


async def test_a_caller_cancelled_while_its_batch_runs_harms_nobody() -> None:
    run = Doubler()
    async with running(run) as batcher:
        first = await held(run, batcher)
        first.cancel()
        await asyncio.sleep(0)
        run.go.set()
        assert await batcher.submit(5) == 10


async def test_a_full_queue_holds_callers_back() -> None:
    run = Doubler()
    async with running(run, size=2) as batcher:
        first = await held(run, batcher)
        many = [asyncio.create_task(batcher.submit(number)) for number in range(1, 40)]
        await asyncio.sleep(0.02)
        assert batcher._batches._waiting.qsize() == 2 * WAITING_BATCHES
        run.go.set()
        assert await asyncio.gather(first, *many) == [2 * number for number in range(40)]


async def test_stopping_refuses_all_that_wait_and_all_that_come() -> None:
    run = Doubler()
    batcher: MicroBatcher[int, int] = MicroBatcher(run, 2, 0)
    first = await held(run, batcher)
    many = [asyncio.create_task(batcher.submit(number)) for number in range(20)]
    await asyncio.sleep(0.02)
    threading.Timer(0.05, run.go.set).start()
    async with asyncio.timeout(SOON):
        await batcher.stop()
        answers = await asyncio.gather(first, *many, return_exceptions=True)
    assert all(isinstance(answer, Cancelled) for answer in answers)
    with pytest.raises(Cancelled):
        await batcher.submit(1)

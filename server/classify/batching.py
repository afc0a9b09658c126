"""Batches: single items from many callers are processed together, while the next batch collects.

`Batches` is used for SQL statements (five hundred images need a handful, and nobody waits) and, as `MicroBatcher`, for the model,
where full batches are worth a short wait and a bounded queue keeps memory small. A caller that is cancelled leaves its batch.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from server.contract.errors import Cancelled, MedlensError, ModelError

# One SQL statement with more rows than this gains nothing and keeps other callers waiting.
MAX_BATCH = 64
# Batches that may wait for the model: one runs and one is ready; further callers wait with their images instead of filling memory.
WAITING_BATCHES = 2

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Item, Answer]):
    item: Item
    answer: asyncio.Future[Answer]
    since: float  # loop time


class Batches(Generic[Item, Answer]):
    """Calls `work(items)` with one batch at a time; it returns the answers in the order of the items.

    Create it inside a running loop; end it by `stop` or as `async with`. `size`: most items of one batch. `wait_s`: how long the
    first item of a batch waits for others. `room`: items that may wait before `put` blocks its callers; 0 for any number. `singly`:
    a batch that fails is repeated item by item, so that one bad item fails only for its own caller; otherwise all callers of the
    batch get the error.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        size: int = MAX_BATCH,
        *,
        wait_s: float = 0.0,
        room: int = 0,
        singly: bool = False,
    ) -> None:
        self._work, self._size, self._wait_s, self._singly = work, size, wait_s, singly
        self._waiting: asyncio.Queue[_Entry[Item, Answer]] = asyncio.Queue(room)
        self._task = asyncio.create_task(self._run(), name="batches")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def put(self, item: Item) -> Answer:
        """The answer for `item`. Raises what `work` raised for it, and Cancelled once stopped."""
        if self._task.done():
            raise Cancelled("stopped; no more work is accepted")
        loop = asyncio.get_running_loop()
        entry: _Entry[Item, Answer] = _Entry(item, loop.create_future(), loop.time())
        await self._waiting.put(entry)
        return await entry.answer

    async def stop(self) -> None:
        """Refuse all items that wait or are being processed. Work outside the loop may run on for a moment."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        while not self._waiting.empty():
            _refuse(self._waiting.get_nowait(), Cancelled("stopped while waiting"))
            await asyncio.sleep(0)  # lets callers that wait for room enter the queue, to be refused too

    async def _run(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            try:
                await self._fill(batch)
                if alive := [entry for entry in batch if not entry.answer.done()]:
                    await self._do(alive)
            except asyncio.CancelledError:
                for entry in batch:
                    _refuse(entry, Cancelled("stopped before it was finished"))
                raise

    async def _fill(self, batch: list[_Entry[Item, Answer]]) -> None:
        if self._wait_s:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(batch[0].since + self._wait_s):
                    while len(batch) < self._size:
                        batch.append(await self._waiting.get())
        while len(batch) < self._size and not self._waiting.empty():  # items that arrived just as the time was up
            batch.append(self._waiting.get_nowait())

    async def _do(self, batch: Sequence[_Entry[Item, Answer]]) -> None:
        try:
            answers = await self._work([entry.item for entry in batch])
            if len(answers) != len(batch):
                raise ValueError(f"{len(answers)} answers to {len(batch)} items")
        except Exception as error:  # `work` may raise anything; the error goes to the callers and this loop goes on
            if self._singly and len(batch) > 1:
                for entry in batch:
                    if not entry.answer.done():
                        await self._do([entry])
                return
            for entry in batch:
                _refuse(entry, error)
            return
        for entry, answer in zip(batch, answers, strict=True):
            if not entry.answer.done():
                entry.answer.set_result(answer)


class MicroBatcher(Generic[Item, Answer]):
    """Calls `run(items)` with one batch at a time in a thread of its own; it returns one answer for each item.

    Create it inside a running loop. `size` and `wait_s` as in Batches. `thread`: an executor with one worker, which `stop` shuts
    down; `close` is the last call in it.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Answer]],
        size: int,
        wait_s: float,
        thread: ThreadPoolExecutor | None = None,
        close: Callable[[], None] | None = None,
    ) -> None:
        self._run, self._close = run, close
        self._thread = thread or ThreadPoolExecutor(1, "model")
        self._batches = Batches(self._work, size, wait_s=wait_s, room=WAITING_BATCHES * size, singly=True)

    async def submit(self, item: Item) -> Answer:
        """The answer for `item`.

        Raises what `run` raised for it, as ModelError unless it is a MedlensError, and Cancelled once stopped.
        """
        return await self._batches.put(item)

    async def stop(self) -> None:
        """Refuse all items that wait or are being processed; return when the thread has ended."""
        await self._batches.stop()
        if self._close:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        await asyncio.to_thread(self._thread.shutdown)

    async def _work(self, items: Sequence[Item]) -> Sequence[Answer]:
        try:
            answers = await asyncio.get_running_loop().run_in_executor(self._thread, self._run, items)
        except MedlensError:
            raise
        except Exception as error:  # a model may raise anything
            raise ModelError(f"the model failed on this image: {str(error) or type(error).__name__}") from error
        if len(answers) != len(items):
            raise ModelError(f"the model gave {len(answers)} answers to {len(items)} images")
        return answers


def _refuse(entry: _Entry[Item, Answer], error: Exception) -> None:
    if not entry.answer.done():
        entry.answer.set_exception(error)

"""Micro-batches: single items from any number of callers, run together in one thread. Knows nothing of pictures or models.

A bounded queue pushes back on callers; a caller that is cancelled leaves its batch; an item that breaks a batch breaks only its own
caller.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from server.errors import Cancelled, MedlensError, ModelError

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# Batches that may wait: one runs, one is ready, and callers beyond that hold their pictures back instead of filling memory.
WAITING_BATCHES = 2


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Item, Answer]):
    item: Item
    answer: asyncio.Future[Answer]
    since: float  # loop time


class MicroBatcher(Generic[Item, Answer]):
    """`run(items)` answers a list as long as its items; it is called in one thread of its own, never twice at a time.

    `size`: items in one batch at most. `wait_s`: how long the first item of a batch waits for company. Start it inside a loop.
    """

    def __init__(self, run: Callable[[Sequence[Item]], Sequence[Answer]], size: int, wait_s: float) -> None:
        self._run, self._size, self._wait_s = run, size, wait_s
        self._queue: asyncio.Queue[_Entry[Item, Answer]] = asyncio.Queue(WAITING_BATCHES * size)
        self._thread = ThreadPoolExecutor(1, "model")
        self._task = asyncio.create_task(self._work(), name="micro-batches")

    async def submit(self, item: Item) -> Answer:
        """The answer for `item`. Raises what `run` raised for it, as ModelError where it is not ours; Cancelled once stopped."""
        if self._task.done():
            raise Cancelled("the model is being stopped")
        loop = asyncio.get_running_loop()
        entry = _Entry(item, loop.create_future(), loop.time())
        await self._queue.put(entry)
        answer: Answer = await entry.answer
        return answer

    async def stop(self) -> None:
        """Refuse those that wait or are being run; returns when the thread is idle."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        while not self._queue.empty():
            self._settle(self._queue.get_nowait(), Cancelled("the model was stopped"))
            await asyncio.sleep(0)  # lets those who wait for room in the queue come in, and be refused too
        await asyncio.to_thread(self._thread.shutdown)

    async def _work(self) -> None:
        while True:
            batch = [await self._queue.get()]
            try:
                await self._fill(batch)
                if alive := [entry for entry in batch if not entry.answer.done()]:
                    await self._judge(alive)
            except asyncio.CancelledError:
                for entry in batch:
                    self._settle(entry, Cancelled("the model was stopped"))
                raise

    async def _fill(self, batch: list[_Entry[Item, Answer]]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(batch[0].since + self._wait_s):
                while len(batch) < self._size:
                    batch.append(await self._queue.get())
        while len(batch) < self._size and not self._queue.empty():  # the time was up, yet company had come meanwhile
            batch.append(self._queue.get_nowait())

    async def _judge(self, batch: Sequence[_Entry[Item, Answer]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.run_in_executor(self._thread, self._run, [entry.item for entry in batch])
            if len(answers) != len(batch):
                raise ModelError(f"the model gave {len(answers)} answers to {len(batch)} images")
        except Exception as error:  # a model may raise anything; whatever it is belongs to the callers, not to this loop
            if len(batch) == 1:
                self._settle(batch[0], error)
            else:
                for entry in batch:
                    if not entry.answer.done():
                        await self._judge([entry])
            return
        for entry, answer in zip(batch, answers, strict=True):
            if not entry.answer.done():
                entry.answer.set_result(answer)

    @staticmethod
    def _settle(entry: _Entry[Item, Answer], error: Exception) -> None:
        if entry.answer.done():
            return
        if not isinstance(error, MedlensError):
            error = ModelError(f"the model failed on this image: {error or type(error).__name__}")
        entry.answer.set_exception(error)

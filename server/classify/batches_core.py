"""Work in batches: single items from many callers, done together while later ones gather. Knows nothing of the work itself.

A caller that is cancelled leaves its batch. One mechanism for queries (five hundred make a handful of statements, and nobody waits)
and for the model (full batches are worth a moment's wait, and memory bounds how many may gather).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from server.contract.errors import Cancelled

# One statement with more rows than this gains nothing and keeps others waiting.
MOST_AT_ONCE = 64

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Item, Answer]):
    item: Item
    answer: asyncio.Future[Answer]
    since: float  # loop time


class Batches(Generic[Item, Answer]):
    """`work(items)` answers a list in its order, never two at a time. Made inside a loop; ended by `stop`, or as `async with`.

    `size`: items of one batch at most. `wait_s`: how long its first item waits for company. `room`: items that may gather before
    `put` holds callers back; 0 for any number. `singly`: a batch that fails is tried again one by one, so that an item which breaks
    it breaks only its own caller; else all of them hear of it.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        size: int = MOST_AT_ONCE,
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
        """The answer for `item`. Raises what `work` raised for it; Cancelled once stopped."""
        if self._task.done():
            raise Cancelled("stopped, and takes no more")
        loop = asyncio.get_running_loop()
        entry: _Entry[Item, Answer] = _Entry(item, loop.create_future(), loop.time())
        await self._waiting.put(entry)
        return await entry.answer

    async def stop(self) -> None:
        """Refuse those that wait or are being worked on. Work that runs outside the loop may go on a moment longer."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        while not self._waiting.empty():
            _refuse(self._waiting.get_nowait(), Cancelled("stopped while it waited"))
            await asyncio.sleep(0)  # lets those who wait for room come in, and be refused too

    async def _run(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            try:
                await self._fill(batch)
                if alive := [entry for entry in batch if not entry.answer.done()]:
                    await self._do(alive)
            except asyncio.CancelledError:
                for entry in batch:
                    _refuse(entry, Cancelled("stopped before it was done"))
                raise

    async def _fill(self, batch: list[_Entry[Item, Answer]]) -> None:
        if self._wait_s:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(batch[0].since + self._wait_s):
                    while len(batch) < self._size:
                        batch.append(await self._waiting.get())
        while len(batch) < self._size and not self._waiting.empty():  # the time was up, yet company had come meanwhile
            batch.append(self._waiting.get_nowait())

    async def _do(self, batch: Sequence[_Entry[Item, Answer]]) -> None:
        try:
            answers = await self._work([entry.item for entry in batch])
            if len(answers) != len(batch):
                raise ValueError(f"{len(answers)} answers to {len(batch)} items")
        except Exception as error:  # work may raise anything; whatever it is belongs to the callers, not to this loop
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


def _refuse(entry: _Entry[Item, Answer], error: Exception) -> None:
    if not entry.answer.done():
        entry.answer.set_exception(error)

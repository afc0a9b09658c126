"""Micro-batches: single items from any number of callers, run together in one thread. Knows nothing of pictures or models.

A bounded queue pushes back on callers, and an item that breaks a batch breaks only its own caller; how items gather is the business
of server/classify/batches_core.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from server.classify.batches_core import Batches
from server.contract.errors import MedlensError, ModelError

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# Batches that may wait: one runs, one is ready, and callers beyond that hold their pictures back instead of filling memory.
WAITING_BATCHES = 2


class MicroBatcher(Generic[Item, Answer]):
    """`run(items)` answers a list as long as its items; it is called in one thread of its own, never twice at a time.

    `size`: items in one batch at most. `wait_s`: how long the first item of a batch waits for company. `thread`: where it is
    called, of one worker, which stopping ends; `close` is called there last. Make it inside a loop.
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
        """The answer for `item`. Raises what `run` raised for it, as ModelError where it is not ours; Cancelled once stopped."""
        return await self._batches.put(item)

    async def stop(self) -> None:
        """Refuse those that wait or are being run; returns when the thread is idle."""
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

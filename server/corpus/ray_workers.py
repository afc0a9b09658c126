"""What runs in the processes of Ray: the reader of a batch of documents, the actor with the model, the clock of all hosts."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Coroutine
from typing import Any

from server.corpus.document import Document
from server.corpus.judging import JudgedDocument, ReadDocument, judge_read, read_document
from server.scan.resources import ScanResources, open_resources
from server.settings import Settings
from server.source.politeness import HostDelay

Rows = dict[str, list[Any]]


class HostClock:
    """A Ray actor: one HostDelay for all readers of a cluster."""

    def __init__(self, delay_s: float) -> None:
        self._delay = HostDelay(delay_s)

    async def wait(self, host: str) -> None:
        await self._delay.wait(host)


class SharedDelay(HostDelay):
    """A HostDelay of one reader that waits for its turn at the HostClock."""

    def __init__(self, clock: Any, delay_s: float) -> None:
        super().__init__(delay_s)
        self._clock, self._waits = clock, delay_s > 0

    async def wait(self, host: str) -> None:
        if self._waits:
            await self._clock.wait.remote(host)


class RemoteKnown:
    """A Known that asks the actor of a KnownFile."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    async def claim(self, sha256: str, holder: str) -> str | None:
        found: str | None = await self._actor.claim.remote(sha256, holder)
        return found

    async def store(self, sha256: str, judged: str) -> None:
        await self._actor.store.remote(sha256, judged)

    async def release(self, holder: str) -> None:
        await self._actor.release.remote(holder)


class DocumentReader:
    """A task of Ray Data: reads a batch of documents, several at once, and sends on what they contain."""

    def __init__(self, settings: Settings, clock: Any) -> None:
        self._settings, self._clock = settings, clock

    def __call__(self, batch: Rows) -> Rows:
        return asyncio.run(self._read([pickle.loads(document) for document in batch["document"]]))  # noqa: S301 - our own

    async def _read(self, documents: list[Document]) -> Rows:
        async with open_resources(self._settings) as resources:
            resources.fetcher.host_delay = SharedDelay(self._clock, self._settings.host_delay_s)
            slots = asyncio.Semaphore(self._settings.scans_at_once)

            async def read(document: Document) -> bytes:
                async with slots:
                    return pickle.dumps(await read_document(document, resources))

            return {"read": list(await asyncio.gather(*(read(document) for document in documents)))}


class JudgeActor:
    """An actor of Ray Data: one engine, its decoders and a loop, which live as long as the actor."""

    def __init__(self, settings: Settings, known: Any) -> None:
        self._known = RemoteKnown(known)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="judge", daemon=True).start()
        self._manager = open_resources(settings)
        self._resources: ScanResources = self._run(self._manager.__aenter__())

    def __call__(self, batch: Rows) -> Rows:
        reads: list[ReadDocument] = [pickle.loads(read) for read in batch["read"]]  # noqa: S301 - our own
        return {"judged": self._run(self._judge(reads))}

    async def _judge(self, reads: list[ReadDocument]) -> list[bytes]:
        slots = asyncio.Semaphore(self._resources.settings.batch_size)

        async def judge(read: ReadDocument) -> bytes:
            async with slots:
                judged: JudgedDocument = await judge_read(read, self._resources, self._known)
                return pickle.dumps(judged)

        return list(await asyncio.gather(*(judge(read) for read in reads)))

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

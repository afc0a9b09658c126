"""Writes a scan down while it is walked: asks the cache, keeps images and verdicts, tells those who watch.

Knows the store and not the walk; implements scan.Recorder. Queries are batched by load (batches.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeAlias
from uuid import UUID

from server.classify.batching import Batches
from server.contract.errors import StoreError
from server.contract.records import JudgedImage, SkipReason
from server.contract.report import image_json
from server.store import scans, verdicts
from server.store.database import Database

# People see a number move; more often than this nobody reads it.
TELL_EVERY_S = 0.3

log = logging.getLogger(__name__)
Watch: TypeAlias = Callable[[JudgedImage], None]


class StoreRecorder:
    """`async with StoreRecorder(...) as recorder:` for the time of one scan. With `use_cache` off nothing is recalled."""

    def __init__(
        self, database: Database, scan_id: UUID, model_version: str, *, use_cache: bool = True, watch: Watch | None = None
    ) -> None:
        self._database, self._scan_id, self._model_version = database, scan_id, model_version
        self._use_cache, self._watch = use_cache, watch
        self._written = 0
        self._latest: dict[str, Any] = {}
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._recalls = Batches(self._recall_all)
        self._writes = Batches(self._write_all)
        self._telling = asyncio.create_task(self._tell(), name="tell the progress")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._telling.cancel()
        await asyncio.gather(self._recalls.stop(), self._writes.stop(), self._telling, return_exceptions=True)

    async def recall(self, sha256: str) -> JudgedImage | None:
        return await self._recalls.put(sha256) if self._use_cache else None

    async def judged(self, judged: JudgedImage) -> None:
        await self._writes.put(judged)
        if self._watch:
            self._watch(judged)

    async def copies(self, shas: Collection[str]) -> Mapping[str, str]:
        return await verdicts.copies(self._database, shas) if self._use_cache else {}

    def progress(self, found: int, skipped: Mapping[SkipReason, int], title: str | None) -> None:
        self._latest = {"found": found, "skipped": dict(skipped), "title": title}
        self._news.set()

    async def _tell(self) -> None:
        """Write the latest progress down, at most every TELL_EVERY_S."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await scans.progress(self._database, self._scan_id, **self._latest)
            except StoreError as error:  # the next number comes soon, and what counts is written when the scan ends
                log.warning("the progress of scan %s was not written: %s", self._scan_id, error)
            await asyncio.sleep(TELL_EVERY_S)

    async def _recall_all(self, shas: Sequence[str]) -> list[JudgedImage | None]:
        known = await verdicts.lookup(self._database, shas, self._model_version)
        return [known.get(sha256) for sha256 in shas]

    async def _write_all(self, judged: Sequence[JudgedImage]) -> list[None]:
        told = [("verdict", image_json(one)) for one in judged]
        await scans.add_images(self._database, self._scan_id, judged, self._written, told)
        self._written += len(judged)
        return [None] * len(judged)

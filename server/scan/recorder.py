"""Stores a scan while it runs: looks up verdicts in the cache, stores images with their verdicts, and updates the progress.

Implements the Recorder of server/scan/pipeline.py over the store. Under load, queries are batched into fewer statements.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeAlias
from uuid import UUID

from server.classify.batching import Batches
from server.contract.errors import StoreError
from server.contract.records import JudgedImage, SkipReason
from server.contract.report import image_json
from server.store import scans, verdicts
from server.store.database import Database

# Seconds between two updates of the progress; people do not notice more frequent ones.
PROGRESS_INTERVAL_S = 0.3

log = logging.getLogger(__name__)
OnJudged: TypeAlias = Callable[[JudgedImage], None]


class StoreRecorder:
    """`async with StoreRecorder(...) as recorder:` for one scan. Without `use_cache` no verdict is taken from the cache.

    `on_judged` is called with each image after it was stored.
    """

    def __init__(
        self, database: Database, scan_id: UUID, model_version: str, *, use_cache: bool = True, on_judged: OnJudged | None = None
    ) -> None:
        self._database, self._scan_id, self._model_version = database, scan_id, model_version
        self._use_cache, self._on_judged = use_cache, on_judged
        self._written = 0
        self._latest: dict[str, Any] = {}
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._lookups = Batches(self._look_up)
        self._writes = Batches(self._write_all)
        self._progress_task = asyncio.create_task(self._write_progress(), name="write the progress")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress_task.cancel()
        await asyncio.gather(self._lookups.stop(), self._writes.stop(), self._progress_task, return_exceptions=True)

    async def cached(self, sha256: str) -> JudgedImage | None:
        return await self._lookups.put(sha256) if self._use_cache else None

    async def add(self, judged: JudgedImage) -> None:
        await self._writes.put(judged)
        if self._on_judged:
            self._on_judged(judged)

    def set_progress(self, found: int, skipped: Mapping[SkipReason, int], title: str | None) -> None:
        self._latest = {"found": found, "skipped": dict(skipped), "title": title}
        self._changed.set()

    async def _write_progress(self) -> None:
        """Store the latest progress, at most once in PROGRESS_INTERVAL_S."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await scans.progress(self._database, self._scan_id, **self._latest)
            except StoreError as error:  # the next update comes soon, and the final figures are stored when the scan ends
                log.warning("the progress of scan %s was not written: %s", self._scan_id, error)
            await asyncio.sleep(PROGRESS_INTERVAL_S)

    async def _look_up(self, shas: Sequence[str]) -> list[JudgedImage | None]:
        known = await verdicts.lookup(self._database, shas, self._model_version)
        return [known.get(sha256) for sha256 in shas]

    async def _write_all(self, judged: Sequence[JudgedImage]) -> list[None]:
        events = [("verdict", image_json(one)) for one in judged]
        await scans.add_images(self._database, self._scan_id, judged, self._written, events)
        self._written += len(judged)
        return [None] * len(judged)

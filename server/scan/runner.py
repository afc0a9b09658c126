"""Does one scan that was written down: opens what it is about, walks it, writes the end. Used by the queue and the command line.

What goes wrong by name ends in the scan's row; anything else is raised, so that the queue tries again. A local path is opened only
when the caller hands in the Source: what came over HTTP can name none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

from server.contract.errors import MedlensError, NotFound, StoreError
from server.contract.records import Found, JudgedImage, ScanError, Source
from server.scan.dispatch import gather, gather_many
from server.scan.outcome import Outcome
from server.scan.pipeline import Scan
from server.scan.recorder import StoreRecorder
from server.scan.resources import ScanResources
from server.scan.timings import Stage, Timings
from server.source.open import open_source, open_upload
from server.store import scans, thumbnails, uploads
from server.store.database import Database
from server.store.scans import StartedScan

Opener: TypeAlias = Callable[[], Awaitable[Source]]


@dataclass(frozen=True, slots=True)
class ScanRunner:
    """`run_scan` for any number of scans at once."""

    database: Database
    resources: ScanResources

    async def run_scan(
        self, scan_id: UUID, opener: Opener | None = None, watch: Callable[[JudgedImage], None] | None = None
    ) -> None:
        """Do the scan if it is still to be done. `opener`: opens a local path; `watch`: told of each image as it is judged."""
        asked = await scans.start(self.database, scan_id)
        if asked is None:
            return
        timings = Timings()
        timings.add("queue", (datetime.now(UTC) - asked.created_at).total_seconds())
        version: str | None = None
        try:
            with timings.measure("total"):
                with timings.measure("fetch"):
                    sources = [await opener()] if opener else await self._open(asked)
                if sources[0].kind != asked.kind and len(sources) == 1:
                    await scans.set_kind(self.database, scan_id, sources[0].kind)
                engine = self.resources.engine(asked.options.get("members"))
                version = engine.model_version
                use_cache = not asked.options.get("no_cache", False)
                async with StoreRecorder(self.database, scan_id, version, use_cache=use_cache, watch=watch) as recorder:
                    walk = Scan(self.resources.settings, self.resources.decoder, engine, recorder, timings)
                    async with aclosing(self._gather(sources, timings)) as founds:
                        outcome = await walk.run(founds, single=[source.kind for source in sources] in (["image"], ["dicom"]))
        except StoreError:  # nothing can be written down just now: the queue tries again
            raise
        except MedlensError as error:
            outcome = Outcome("failed", ScanError(error.code, str(error)), None, (), Counter())
        await scans.finish(
            self.database,
            scan_id,
            status=outcome.status,
            error=outcome.error,
            title=outcome.title,
            model_version=version,
            timings_ms=timings.milliseconds(),
            found=outcome.found,
            skipped=outcome.skipped,
            images=outcome.images,
        )

    async def explain(self, sha256: str, model_version: str) -> None:
        """Make the heat map of an image from its thumbnail and keep it; nothing if it is there or another model is asked for.

        Raises NotFound, and what decoding and the model raise.
        """
        engine = self.resources.engine()
        if engine.model_version != model_version or await thumbnails.heatmap(self.database, sha256, model_version):
            return
        look = await self.resources.decoder.look(await thumbnails.thumbnail(self.database, sha256))
        await thumbnails.keep_heatmap(self.database, sha256, model_version, await engine.heatmap(look.picture))

    async def _open(self, asked: StartedScan) -> list[Source]:
        if asked.url:
            return [await open_source(asked.url, self.resources.fetcher)]
        files = await uploads.load(self.database, asked.id)
        if not files:  # a local path whose program died before it began
            raise NotFound(f"{asked.target} can only be scanned by the program that was given it; scan it again")
        return [open_upload(file.name or "upload", file.data) for file in files]

    async def _gather(self, sources: list[Source], timings: Timings) -> AsyncGenerator[Found, None]:
        stage: Stage = "render" if sources[0].kind == "page" else "extract"
        founds = gather(sources[0], self.resources) if len(sources) == 1 else gather_many(sources, self.resources)
        with timings.measure(stage):
            async with aclosing(founds):
                async for found in founds:
                    yield found

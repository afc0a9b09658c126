"""Runs one stored scan: opens its source, runs the pipeline, stores the result. Used by the worker and the command line.

A MedlensError ends the scan and is stored with it; any other error is raised, so that the queue retries the scan. A local path is
opened only by a caller that passes `opener`: a target that came over HTTP never names a local file.
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
from server.contract.records import Found, JudgedImage, ScanError, Source, Stage
from server.scan.dispatch import extract_source, extract_uploads
from server.scan.outcome import Outcome
from server.scan.pipeline import SINGLE, Scan
from server.scan.recorder import StoreRecorder
from server.scan.resources import ScanResources
from server.scan.timings import Timings
from server.source.address import is_bare
from server.source.open import open_source, open_upload
from server.store import scans, thumbnails, uploads
from server.store.database import Database
from server.store.scans import StartedScan

Opener: TypeAlias = Callable[[], Awaitable[Source]]


@dataclass(frozen=True, slots=True)
class ScanRunner:
    """Runs any number of scans at once with the same resources."""

    database: Database
    resources: ScanResources

    async def run_scan(
        self,
        scan_id: UUID,
        opener: Opener | None = None,
        on_judged: Callable[[JudgedImage], None] | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        """Run the scan if it is still open. `opener`: opens a local path. `login`: user and password for the scan's address.

        `on_judged` is called with each image after it is stored.
        """
        asked = await scans.start(self.database, scan_id)
        if asked is None:
            return
        timings = Timings()
        timings.add("queue", (datetime.now(UTC) - asked.created_at).total_seconds())
        version: str | None = None
        try:
            with timings.measure("total"):
                with timings.measure("fetch"):
                    sources = [await opener()] if opener else await self._open(asked, login)
                if sources[0].kind != asked.kind and len(sources) == 1:
                    await scans.set_kind(self.database, scan_id, sources[0].kind)
                engine = self.resources.engine(asked.options.get("members"))
                version = engine.model_version
                use_cache = not asked.options.get("no_cache", False)
                async with StoreRecorder(self.database, scan_id, version, use_cache=use_cache, on_judged=on_judged) as recorder:
                    scan = Scan(self.resources.settings, self.resources.decoder, engine, recorder, timings)
                    async with aclosing(self._extract(sources, timings)) as founds:
                        outcome = await scan.run(founds, single=len(sources) == 1 and sources[0].kind in SINGLE)
        except StoreError:  # nothing can be stored now: the queue retries the scan
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
            notices=outcome.notices,
        )

    async def explain(self, sha256: str, model_version: str) -> None:
        """Make the heat map of an image from its thumbnail and store it, unless it exists or is for another model version.

        Raises NotFound, and what decoding and the model raise.
        """
        engine = self.resources.engine()
        if engine.model_version != model_version or await thumbnails.heatmap(self.database, sha256, model_version):
            return
        decoded = await self.resources.decoder.decode(await thumbnails.thumbnail(self.database, sha256))
        await thumbnails.keep_heatmap(self.database, sha256, model_version, await engine.heatmap(decoded.raster))

    async def _open(self, asked: StartedScan, login: tuple[str, str] | None) -> list[Source]:
        if asked.url:
            return [await open_source(asked.url, self.resources.fetcher, login, bare=is_bare(asked.target))]
        files = await uploads.load(self.database, asked.id)
        if not files:  # a local path whose `medlens scan` died before it started
            raise NotFound(f"{asked.target} is a local path, which only `medlens scan` itself can open; scan it again")
        return [open_upload(file.name or "upload", file.data) for file in files]

    async def _extract(self, sources: list[Source], timings: Timings) -> AsyncGenerator[Found, None]:
        stage: Stage = "render" if sources[0].kind == "page" else "extract"
        founds = extract_source(sources[0], self.resources) if len(sources) == 1 else extract_uploads(sources, self.resources)
        with timings.measure(stage):
            async with aclosing(founds):
                async for found in founds:
                    yield found

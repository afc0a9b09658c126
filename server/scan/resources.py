"""What the scans of a process share: guard, fetcher, browser, decoders and models, opened once.

Heavy resources start when they are first needed: the browser with the first page, a model with the first image not in the cache.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from server.classify.engine import Engine
from server.contract.errors import MedlensError
from server.dedupe.decode_pool import DecodePool
from server.extract.browser import Browser
from server.models.ensembles import in_use
from server.panels.split import split_panels
from server.sandbox.check import missing_guards
from server.settings import Settings
from server.source.fetch import Fetcher
from server.source.guard import Guard

log = logging.getLogger(__name__)


@dataclass(slots=True)
class ScanResources:
    settings: Settings
    guard: Guard
    fetcher: Fetcher
    browser: Browser
    decoder: DecodePool
    _engines: dict[tuple[str, tuple[str, ...]], Engine] = field(default_factory=dict)

    def engine(self, members: Sequence[str] | None = None) -> Engine:
        """The engine for these members (None: those of the settings); it is loaded once, when first used.

        A refitted ensemble is used from the next scan on; a running scan keeps the engine that it started with.
        """
        chosen = tuple(members or self.settings.members)
        key = (in_use(self.settings.data_dir), chosen)
        if key not in self._engines:
            self._engines[key] = Engine(self.settings.model_copy(update={"members": chosen}), split_panels=split_panels)
        return self._engines[key]

    async def warm(self) -> None:
        """Start what the first scan would wait for, and log missing guards. A scan that needs a resource reports its error."""
        self.engine().prewarm()
        with suppress(MedlensError):
            for guard in await missing_guards():
                log.warning("readers of strangers' files run WITHOUT this guard: %s (docs/security.md)", guard)
        with suppress(MedlensError):
            await self.browser.start()

    async def stop(self) -> None:
        for engine in self._engines.values():
            await engine.stop()


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[ScanResources]:
    """Open all resources; on leaving, everything that was started is closed and no process is left."""
    async with AsyncExitStack() as stack:
        guard = Guard(settings)
        browser = await stack.enter_async_context(Browser(settings))
        decoder = await stack.enter_async_context(DecodePool(settings))
        resources = ScanResources(settings, guard, Fetcher(guard, settings), browser, decoder)
        stack.push_async_callback(resources.stop)
        yield resources

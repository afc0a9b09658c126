"""Everything a scan works with, opened once and shared by the scans of a process: guard, fetcher, browser, decoder, models.

Nothing heavy starts before it is needed: the browser with the first page, a model with the first image nobody has judged yet.
Knows the stages by name; does not know what a scan does with them (scan.py) nor who asked for it (jobs, the command line).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from server.classify.engine import Engine
from server.contract.errors import MedlensError
from server.dedupe.decode_pool import DecodePool
from server.extract.browser import Browser
from server.models.ensembles import in_use
from server.panels.split import split_panels
from server.settings import Settings
from server.source.fetch import Fetcher
from server.source.guard import Guard


@dataclass(slots=True)
class ScanResources:
    settings: Settings
    guard: Guard
    fetcher: Fetcher
    browser: Browser
    decoder: DecodePool
    _engines: dict[tuple[str, tuple[str, ...]], Engine] = field(default_factory=dict)

    def engine(self, members: Sequence[str] | None = None) -> Engine:
        """The judge for this choice of members (None: those of the settings); each choice is loaded once, when first used.

        An ensemble that was refitted meanwhile judges from the next scan on; a scan that runs ends with the judge it began with.
        """
        chosen = tuple(members or self.settings.members)
        key = (in_use(self.settings.data_dir), chosen)
        if key not in self._engines:
            self._engines[key] = Engine(self.settings.model_copy(update={"members": chosen}), split_panels=split_panels)
        return self._engines[key]

    async def warm(self) -> None:
        """Start what the first scan would wait for. What fails here is told to the scan that needs it."""
        self.engine().prewarm()
        with suppress(MedlensError):
            await self.browser.start()

    async def stop(self) -> None:
        for engine in self._engines.values():
            await engine.stop()


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[ScanResources]:
    """Open all tools, and close on leaving whatever was started: no process stays behind."""
    async with AsyncExitStack() as stack:
        guard = Guard(settings)
        browser = await stack.enter_async_context(Browser(settings))
        decoder = await stack.enter_async_context(DecodePool(settings))
        resources = ScanResources(settings, guard, Fetcher(guard, settings), browser, decoder)
        stack.push_async_callback(resources.stop)
        yield resources

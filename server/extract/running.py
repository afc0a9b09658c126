"""One running Chromium with the driver that started it: counts its contexts, decides when it is worn, and ends it.

A browser is worn when a context did not close, when it has served CONTEXTS of them, or when it takes more than MEMORY_BYTES while
it is idle. A worn browser gets no new context and ends with its last one, and with it whatever a hostile page left behind.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserContext, Playwright
from playwright.async_api import Error as PlaywrightError

from server.extract.browser_watch import BrowserWatch, resident_bytes
from server.settings import MIB

log = logging.getLogger(__name__)

# Seconds to wait for an orderly end. A page in an endless loop closes in half a second.
CLOSE_TIMEOUT_S = 5.0
# Contexts that one browser serves: a launch takes half a second, which is negligible once in two hundred scans.
CONTEXTS = 200
# Memory of all processes of a browser. A fresh one takes 400 MB, one after a hundred ordinary scans 600.
MEMORY_BYTES = 2048 * MIB
ASK_S = 2.0  # a healthy browser lists its processes within a millisecond


@dataclass(slots=True, eq=False)
class Running:
    chromium: Chromium
    driver: Playwright
    scratch: Path  # its temporary files
    pids: tuple[int, ...] = ()  # its processes when it was last checked, the main one first
    open: int = 0
    served: int = 0
    worn: bool = False
    _watching: asyncio.Task[None] = field(init=False)

    def __post_init__(self) -> None:
        self._watching = asyncio.create_task(BrowserWatch(self.chromium, lambda: self.open > 0).run())

    @property
    def usable(self) -> bool:
        return self.chromium.is_connected() and not self.worn

    async def look(self) -> None:
        """Update `pids`. A browser that is idle and too large, or does not answer, becomes worn."""
        try:
            async with asyncio.timeout(ASK_S):
                session = await self.chromium.new_browser_cdp_session()
                told = await session.send("SystemInfo.getProcessInfo")
                await session.detach()
        except (PlaywrightError, TimeoutError):
            self.worn = True
            return
        processes = sorted(told["processInfo"], key=lambda one: one["type"] != "browser")
        self.pids = tuple(int(one["id"]) for one in processes)
        if not self.open and (size := sum(map(resident_bytes, self.pids))) > MEMORY_BYTES:
            log.warning("the browser holds %d MiB while no page is open, and is replaced", size // MIB)
            self.worn = True

    async def close_context(self, context: BrowserContext) -> None:
        """Close a context. A browser that needs longer than CLOSE_TIMEOUT_S, or that has served CONTEXTS, becomes worn."""
        try:
            await asyncio.wait_for(context.close(), CLOSE_TIMEOUT_S)
        except TimeoutError:
            log.warning("a page did not close within %.0f s; its browser is replaced", CLOSE_TIMEOUT_S)
            self.worn = True
        except PlaywrightError:  # it is closed already, alone or with its browser
            pass
        finally:
            self.open -= 1
            self.worn = self.worn or self.served >= CONTEXTS

    async def stop(self) -> None:
        """End the browser and its driver, in an orderly way if possible, then kill remaining processes and remove its files."""
        self._watching.cancel()
        with suppress(PlaywrightError, TimeoutError):
            await asyncio.wait_for(self.chromium.close(), CLOSE_TIMEOUT_S)
        with suppress(PlaywrightError, TimeoutError):
            await asyncio.wait_for(self.driver.stop(), CLOSE_TIMEOUT_S)  # ends what is left of the browser too
        for pid in self.pids:
            if _is_chromium(pid):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(shutil.rmtree, self.scratch, ignore_errors=True)


def _is_chromium(pid: int) -> bool:
    """Whether the process id still belongs to a browser: after its end another process may get the id."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"--user-data-dir=" in command or b"--type=" in command

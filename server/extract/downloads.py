"""Files that a page offers instead of showing them: downloads that it starts, PDFs that it embeds or navigates to.

The browser's contexts refuse downloads, so only the addresses are collected here; the files are fetched later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress

from playwright.async_api import Download, Page, Response
from playwright.async_api import Error as PlaywrightError

from server.extract.navigation import NotAPage
from server.extract.responses import media_type

# Files of one page: a paper and its supplements. A page that offers more offers files without end.
MAX_FILES = 4
# Media types that Chromium shows in a viewer of its own, which is not part of the page.
SHOWN_BY_VIEWER = ("application/pdf",)


class Downloads:
    """Collects the files that one page offers. Create it before the page navigates."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._urls: dict[str, None] = {}
        self._replaced = asyncio.Event()
        page.on("download", self._on_download)
        page.on("response", self._on_response)

    @property
    def replaced(self) -> bool:
        """Whether a file came in place of the page, so that there is nothing more of the page to wait for."""
        return self._replaced.is_set()

    async def wait_or_replaced(self, waiting: Awaitable[object]) -> None:
        """Await `waiting`, or until a file comes in place of the page: its load event then never comes."""
        wait = asyncio.ensure_future(waiting)
        replaced = asyncio.create_task(self._replaced.wait())
        try:
            await asyncio.wait((wait, replaced), return_when=asyncio.FIRST_COMPLETED)
            if wait.done():
                wait.result()
        finally:
            for task in (wait, replaced):
                task.cancel()
            await asyncio.gather(wait, replaced, return_exceptions=True)

    def raise_if_any(self) -> None:
        """Raise NotAPage if the page offered files."""
        if self._urls:
            raise NotAPage(*self._urls)

    def _on_download(self, download: Download) -> None:
        self._add(download.url)
        self._replaced.set()

    def _on_response(self, response: Response) -> None:
        if media_type(response) not in SHOWN_BY_VIEWER or not response.request.is_navigation_request():
            return
        self._add(response.url)
        with suppress(PlaywrightError):  # the frame of a new request may not be known yet
            if response.frame == self._page.main_frame:
                self._replaced.set()

    def _add(self, url: str) -> None:
        if len(self._urls) < MAX_FILES:
            self._urls[url] = None

"""Files that a page hands out instead of showing them: downloads its scripts start, PDFs that it embeds or goes on to.

Nothing is downloaded here (the browser's contexts refuse that); only their addresses are noted, in the order met. Knows no image.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress

from playwright.async_api import Download, Page, Response
from playwright.async_api import Error as PlaywrightError

from server.extract.navigation import NotAPage
from server.extract.responses import media_type

# Of one page: a paper and its supplements. A page that starts more does so for ever.
MAX_FILES = 4
# What Chromium shows in a viewer of its own, in a page's frame or in its place: none of it is the page's.
SHOWN_BY_VIEWER = ("application/pdf",)


class Downloads:
    """Watches one page from its making on."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._urls: dict[str, None] = {}
        self._instead = asyncio.Event()
        page.on("download", self._on_download)
        page.on("response", self._on_response)

    @property
    def instead(self) -> bool:
        """Whether one came where the page should be, or go on: then there is no more of the page to wait for."""
        return self._instead.is_set()

    async def unless(self, waiting: Awaitable[object]) -> None:
        """Await `waiting`, or until a file comes instead of the page: a document that begins with one is never loaded."""
        wait = asyncio.ensure_future(waiting)
        instead = asyncio.create_task(self._instead.wait())
        try:
            await asyncio.wait((wait, instead), return_when=asyncio.FIRST_COMPLETED)
            if wait.done():
                wait.result()
        finally:
            for task in (wait, instead):
                task.cancel()
            await asyncio.gather(wait, instead, return_exceptions=True)

    def check(self) -> None:
        """Raise NotAPage if the page handed out files."""
        if self._urls:
            raise NotAPage(*self._urls)

    def _on_download(self, download: Download) -> None:
        self._note(download.url)
        self._instead.set()

    def _on_response(self, response: Response) -> None:
        if media_type(response) not in SHOWN_BY_VIEWER or not response.request.is_navigation_request():
            return
        self._note(response.url)
        with suppress(PlaywrightError):  # the frame of a request that has just begun may not be known yet
            if response.frame == self._page.main_frame:
                self._instead.set()

    def _note(self, url: str) -> None:
        if len(self._urls) < MAX_FILES:
            self._urls[url] = None

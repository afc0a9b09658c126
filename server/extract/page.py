"""Finds the images of a web page: renders and scrolls it, and takes each image's bytes from the response that brought it.

An image is yielded twice, because its bytes arrive before its place on the page is known. The first Candidate has a place with only
the address and the kind "other", so that judging starts while the page still loads. At the end, when collect.js has read the
layout, a Candidate with the same bytes follows for each place, with kind, alternative text and box. The Grouper merges them by
SHA-256 and replaces the place without a box; an image that the page loads but does not show keeps it. A Skipped is yielded once.
data: URLs, canvases and SVG (rendered as PNG) are yielded once, with their place.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import suppress

from playwright.async_api import BrowserContext, CDPSession, Page, Request
from playwright.async_api import Error as PlaywrightError

from server.contract.errors import BrowserBusy, RenderError, TimedOut, TooLarge
from server.contract.records import Found, Notice, Source
from server.extract.browser import Browser, Login
from server.extract.candidate_filter import CandidateFilter, plain
from server.extract.downloads import Downloads
from server.extract.drawings import Rasterizer
from server.extract.isolated_world import main_world
from server.extract.layout import locate_images, read_layout
from server.extract.mosaic import place_tiles
from server.extract.named import load_named, read_named
from server.extract.navigation import NotAPage, open_page
from server.extract.page_archive import PageArchive
from server.extract.refusals import REFUSED_HEADER, Refusals
from server.extract.responses import PageMoved, Responses
from server.extract.scroll import return_to_top, scroll_boxes, scroll_through, wait_until_loaded
from server.settings import Settings

__all__ = ["NotAPage", "extract_page"]

# Share of PAGE_TIMEOUT_S for loading and scrolling. The rest is for reading the layout, so that images of slow pages have places,
# too.
LOADING_SHARE = 0.85
# Seconds to open an empty page in an existing context: usually 0.25, up to 10 on a machine busy with hostile pages.
PAGE_WAIT_S = 30.0
# Documents read of a page that navigates (refresh, script) while it is read; the images of each document are kept.
MAX_DOCUMENTS = 4
MOVED_ON = Notice(code=RenderError.code, message="the page kept navigating while it was read")
MAX_TITLE = 300  # characters


async def extract_page(
    source: Source,
    browser: Browser,
    proxy_url: str,
    settings: Settings,
    refusals: Refusals = tuple,
    archive: PageArchive | None = None,
) -> AsyncGenerator[Found, None]:
    """Yield the images of the page as they arrive. `refusals`: what the proxy at `proxy_url` refused so far, oldest first.
    `archive`: answers every request of the page, so that nothing is loaded from the network.

    Raises NotAPage after the images of the page itself, if there are files to read; HttpStatus and the other errors of
    navigation.py; BrowserMissing, BrowserBusy, RenderError. TimedOut is raised only if nothing arrived at all; later, what has
    arrived is yielded with a Notice of the code `timed_out`. Closing the iterator closes the page at once.
    """
    assert source.url is not None
    queue: asyncio.Queue[Found | None] = asyncio.Queue()
    visit = _Visit(source.url, settings, queue, refusals, source.login, archive)
    task = asyncio.create_task(visit.run(browser, proxy_url))
    task.add_done_callback(lambda _: queue.put_nowait(None))
    try:
        while (found := await queue.get()) is not None:
            yield found
        await task
    finally:
        task.cancel()
        await asyncio.wait((task,))  # until the page is closed; what it still finds is discarded
        if not task.cancelled():
            task.exception()


class _Visit:
    """Opens one page, in a task of its own, and puts what it finds into the queue."""

    def __init__(
        self,
        url: str,
        settings: Settings,
        queue: asyncio.Queue[Found | None],
        refusals: Refusals,
        login: Login | None,
        archive: PageArchive | None,
    ) -> None:
        self._url = url
        self._archive = archive
        self._login = login
        self._settings = settings
        self._emit = queue.put_nowait
        self._refusals = refusals
        self._candidate_filter = CandidateFilter(settings, queue.put_nowait)
        self._until = 0.0  # set when the page is open: waiting for the browser does not count
        self._title: str | None = None
        self._crashed = self._ended = False

    async def run(self, browser: Browser, proxy_url: str) -> None:
        live = self._archive is None
        async with browser.context(proxy_url, login=self._login, url=self._url, service_workers=live) as context:
            try:
                try:
                    if self._archive is not None:
                        await context.route("**/*", self._archive.answer)
                    await self._visit(context)
                finally:
                    self._ended = True
            except PlaywrightError as error:
                raise RenderError(f"the browser lost {self._url}: {str(error).splitlines()[0][:200]}") from error
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if not self._crashed or task is None:
                    raise
                task.uncancel()
                self._emit(Notice(code=RenderError.code, message="the page crashed while it was rendered"))

    async def _visit(self, context: BrowserContext) -> None:
        try:
            async with asyncio.timeout(PAGE_WAIT_S):
                page = await context.new_page()
                session = await context.new_cdp_session(page)
        except TimeoutError:
            raise BrowserBusy(f"the browser gave no page within {PAGE_WAIT_S:g} s; scan it again") from None
        self._until = time.monotonic() + self._settings.page_timeout_s
        self._watch(page)
        responses = Responses(page, self._candidate_filter, self._settings, self._refusals)
        downloads = Downloads(page, self._settings.max_download_bytes)
        await open_page(page, self._url, responses, self._left(LOADING_SHARE))
        self._watch_moves(page, responses)
        late = False
        try:
            async with asyncio.timeout(self._left(LOADING_SHARE)):
                await self._load(page, session, responses, downloads)
        except TimeoutError:
            late = True
        try:
            async with asyncio.timeout(self._left()):
                layout = await read_layout(page, session, self._settings)
                layout.canvases = [drawing for drawing in layout.canvases if drawing.frame not in downloads.viewers]
                downloads.add_embedded(layout.embedded)
                named = await read_named(layout, responses, self._settings)
                async with Rasterizer(context, self._candidate_filter, self._settings) as rasterizer:
                    tiles = await place_tiles(layout, responses, self._candidate_filter, rasterizer, self._settings)
                    await locate_images(layout, page, responses, self._candidate_filter, rasterizer, tiles)
                    for remark in await load_named(named, responses, self._candidate_filter, rasterizer):
                        self._emit(remark)
                if layout.cut:
                    self._emit(_cut("parts of the page were too large and are not read in full"))
        except TimeoutError:
            late = True
        except PlaywrightError:
            if page.is_closed():
                raise
            self._emit(MOVED_ON)
        responses.give_up()
        if more := await downloads.finish():
            self._emit(more)
        if late:
            limit = f"{self._settings.page_timeout_s:g} s (MEDLENS_PAGE_TIMEOUT_S)"
            message = f"the page took longer than {limit}; the images that had loaded by then are in the Report"
            self._emit(Notice(code=TimedOut.code, message=message))
        downloads.raise_if_any()

    def _left(self, share: float = 1.0) -> float:
        spare = (1 - share) * self._settings.page_timeout_s
        return max(0.05, self._until - spare - time.monotonic())

    def _watch(self, page: Page) -> None:
        task = asyncio.current_task()
        assert task is not None

        def crashed(_: Page) -> None:
            if not self._ended:  # nothing to interrupt while the page is being closed
                self._crashed = True
                task.cancel()

        page.on("crash", crashed)
        page.on("popup", _close)

    def _watch_moves(self, page: Page, responses: Responses) -> None:
        """Emit a notice when the page navigates to an address that the proxy refuses, because its content is then missing."""

        def refused(request: Request) -> None:
            if request.is_navigation_request() and request.frame == page.main_frame and (why := responses.refusal(request.url)):
                message = f"the page moves on to an address that is refused: {why.message}"
                self._emit(Notice(code=why.code, message=message, severity="cut"))

        page.on("requestfailed", refused)
        page.on("response", lambda response: refused(response.request) if REFUSED_HEADER in response.headers else None)

    async def _load(self, page: Page, session: CDPSession, responses: Responses, downloads: Downloads) -> None:
        """Load and scroll the page; start again when it navigates meanwhile."""
        for _ in range(MAX_DOCUMENTS):
            try:
                await downloads.wait_or_replaced(page.wait_for_load_state("domcontentloaded", timeout=0))
                world = await main_world(session)
                self._emit_title(await world.run("() => document.title"))
                await wait_until_loaded(page, responses)
                ended = await scroll_through(world, responses)
                ended = ended or page.url in downloads.viewers
                unfinished = await scroll_boxes(page, session, responses, self._settings.min_image_side, downloads.viewers)
                await return_to_top(world, responses, self._settings.image_timeout_s)
                self._emit_title(await world.run("() => document.title"))
            except (PlaywrightError, PageMoved):
                if page.is_closed():
                    raise
                continue
            if not ended:
                self._emit(_cut("the page goes on without end; only its first part was read"))
            if unfinished:
                self._emit(_cut(f"{unfinished} boxes of the page scroll without end; only the first part of each was read"))
            return
        self._emit(MOVED_ON)

    def _emit_title(self, text: str) -> None:
        title = plain(text, MAX_TITLE)
        if title and title != self._title:
            self._title = title
            self._emit(Notice(title=title))


def _cut(message: str) -> Notice:
    return Notice(code=TooLarge.code, message=message, severity="cut")


async def _close(popup: Page) -> None:
    with suppress(PlaywrightError):
        await popup.close()

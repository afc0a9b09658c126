"""Takes the bytes of a page's images from its responses, and determines whether the page is still loading.

Nothing is downloaded twice: the bytes are those that the page received, so redirects, cookies and blob: URLs need no handling. The
images are offered to the candidate filter.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, Request, Response

from server.contract.errors import AddressNotAllowed, TimedOut, TooLarge
from server.contract.records import Place, SkipReason
from server.extract.candidate_filter import CandidateFilter, address
from server.extract.isolated_world import BROWSER_SCHEMES, IsolatedWorld
from server.extract.refusals import REFUSED_HEADER, Refusal, Refusals
from server.extract.tile_addresses import TILE
from server.settings import Settings

# A page is quiet if nothing that may lead to images was loading for this long, in which a script can act on what it received.
QUIET_S = 0.3
# Scripts, styles and data may lead to images; requests that take longer are long polls or lost, and are not waited for.
OTHERS_S = 3.0
POLL_S = 0.04
WAITED_FOR = frozenset(("script", "stylesheet", "xhr", "fetch", "document"))
SVG_TYPE = "image/svg+xml"
SVG_HEAD = 1000  # characters in which an SVG file without a media type has its tag
MAX_RECOVERED = 300  # a look-up takes 2 ms, and most addresses in styles were never loaded
# Failures of images that the page cancelled or whose loading it forbids: it does not show them, so nothing is missing.
CANCELLED = ("net::ERR_ABORTED", "net::ERR_BLOCKED_BY_CSP", "net::ERR_BLOCKED_BY_CLIENT", "csp")


class PageMoved(Exception):
    """The page has started to navigate elsewhere."""


class Responses:
    """`images`: bytes by address (the first of a redirect chain, as in the page). `svgs`: the same for SVG files, not yet drawn.

    `held`: those of `images` that may be tiles and have not been offered to the filter yet.
    """

    def __init__(self, page: Page, candidate_filter: CandidateFilter, settings: Settings, refusals: Refusals) -> None:
        self.images: dict[str, bytes] = {}
        self.svgs: dict[str, bytes] = {}
        self.held: dict[str, bytes] = {}
        self._candidate_filter = candidate_filter
        self._settings = settings
        self._refusals = refusals
        self._open: dict[Request, float] = {}
        self._requested: set[str] = set()
        self._for_us: set[str] = set()
        self._hidden: dict[str, bool] = {}  # addresses loaded for named.py, and whether they were refused
        self._recovered = 0
        self._documents = 0
        self._page = page
        self._reading: dict[asyncio.Task[None], Request] = {}
        self._changed = time.monotonic()
        self._handlers: dict[Any, Callable[[Request], None]] = {
            "request": self._on_request,
            "requestfinished": self._on_finished,
            "requestfailed": self._on_failed,
        }
        for event, handler in self._handlers.items():
            page.on(event, handler)

    def refusal(self, url: str) -> Refusal | None:
        """The proxy's last refusal of this address's host."""
        host = (urlsplit(url).hostname or "").rstrip(".")
        return next((refusal for refusal in reversed(self._refusals()) if refusal.host.strip("[]").rstrip(".") == host), None)

    @property
    def busy(self) -> bool:
        now = time.monotonic()
        return bool(self._reading) or any(now - since < self._patience(request) for request, since in self._open.items())

    async def quiet(self, limit_s: float, quiet_s: float = QUIET_S) -> bool:
        """Wait until nothing was loading for `quiet_s`, at most `limit_s`; returns whether it became quiet. Raises PageMoved."""
        until, document = time.monotonic() + limit_s, self._documents
        while (now := time.monotonic()) < until:
            if self._documents != document:
                raise PageMoved
            if self.busy:
                self._changed = now
            elif now - self._changed >= quiet_s:
                return True
            await asyncio.sleep(POLL_S)
        return False

    def requested(self, url: str) -> bool:
        """Whether the page requested this address, with or without success."""
        return url.startswith("data:") or address(url) in self._requested

    def hold(self, url: str) -> None:
        """Expect an image that mosaic.py loads: it is not offered when it arrives, and a failure is not counted."""
        self._for_us.add(address(url))
        self._changed = time.monotonic()

    def expect_hidden(self, urls: Iterable[str]) -> None:
        """Expect images that named.py loads although the page does not show them: places and failures get the name `not_shown`."""
        self._hidden |= {address(url): False for url in urls}
        self._changed = time.monotonic()

    def counted(self, known: str) -> bool:
        """Whether this image, expected as hidden, was already counted as skipped."""
        return self._hidden.get(known, False)

    async def recover(self, url: str, place: Place, world: IsolatedWorld) -> None:
        """Get an image that a frame loaded without a response event, as sandboxed frames do before they can be observed."""
        known = address(url)
        if url.startswith("data:") or known in self._requested or self._recovered >= MAX_RECOVERED:
            return
        self._recovered += 1
        if data := await world.content(url):
            self._keep(data, SVG_TYPE if b"<svg" in data[:SVG_HEAD] else "", replace(place, kind="other", alt=None, box=None))

    def give_up(self) -> None:
        """Count the images that never arrived as skipped, and stop listening."""
        for event, handler in self._handlers.items():
            self._page.remove_listener(event, handler)
        for task in self._reading:
            task.cancel()
        for request in (*self._open, *self._reading.values()):
            if request.resource_type == "image":
                self._refuse(request, "timed_out", "the image did not arrive in time")

    def _patience(self, request: Request) -> float:
        if request.resource_type == "image":
            return self._settings.image_timeout_s
        return OTHERS_S if request.resource_type in WAITED_FOR else 0.0

    def _on_request(self, request: Request) -> None:
        if request.url.startswith(BROWSER_SCHEMES):
            return
        self._open[request] = self._changed = time.monotonic()
        self._requested.add(address(_first(request)))
        if request.is_navigation_request() and request.resource_type == "document":
            with suppress(PlaywrightError):  # the frame of a new request may not be known yet
                self._documents += request.frame == self._page.main_frame

    def _on_failed(self, request: Request) -> None:
        if request.url.startswith(BROWSER_SCHEMES):
            return
        self._closed(request)
        failure = request.failure or ""
        if request.resource_type != "image" or failure.startswith(CANCELLED):
            return
        refusal = self.refusal(request.url)
        if refusal is not None and refusal.code == AddressNotAllowed.code:
            self._refuse(request, "blocked", refusal.message)
        else:
            self._refuse(request, "timed_out" if "TIMED_OUT" in failure else "broken", failure)

    def _on_finished(self, request: Request) -> None:
        if request.url.startswith(BROWSER_SCHEMES):
            return
        self._closed(request)
        task = asyncio.create_task(self._read(request))
        self._reading[task] = request
        task.add_done_callback(self._reading.pop)

    def _closed(self, request: Request) -> None:
        if self._open.pop(request, None) is not None and self._patience(request):
            self._changed = time.monotonic()

    async def _read(self, request: Request) -> None:
        try:
            response = request.existing_response or await request.response()  # a round trip less for each request
            if response is None or 300 <= response.status < 400:
                return
            mime = media_type(response)
            if request.resource_type != "image" and not mime.startswith("image/"):
                return
            if response.status >= 400 and not mime.startswith("image/"):
                self._refuse_response(request, response)
                return
            place = self._place(request)
            if self._candidate_filter.full and place.url not in self.images:
                self._candidate_filter.refuse("too_many", place)
                return
            async with asyncio.timeout(self._settings.image_timeout_s):
                data = await response.body()
        except TimeoutError:
            self._refuse(request, "timed_out", "the browser did not return the image in time")
        except PlaywrightError:  # after a navigation Chromium no longer has it
            if request.resource_type == "image":
                self._refuse(request, "unreadable", "the browser no longer had the image's bytes")
        else:
            if data or request.resource_type == "image":  # other empty data is that of a blob, whose blob: URL is requested next
                self._keep(data, mime, place)

    def _keep(self, data: bytes, mime: str, place: Place) -> None:
        assert place.url is not None
        if mime == SVG_TYPE:
            self.svgs[place.url] = data
        elif place.url in self._for_us:
            self.images[place.url] = data
        elif TILE.search(place.url):
            self.images[place.url] = self.held[place.url] = data
        elif self._candidate_filter.offer(data, place):
            self.images[place.url] = data

    def _refuse_response(self, request: Request, response: Response) -> None:
        code = response.headers.get(REFUSED_HEADER)
        refusal = self.refusal(request.url)
        detail = refusal.message if code and refusal else f"the site answered {response.status}"
        reasons: dict[str | None, SkipReason] = {
            AddressNotAllowed.code: "blocked",
            TimedOut.code: "timed_out",
            TooLarge.code: "too_large",
        }
        self._refuse(request, reasons.get(code, "broken"), detail)

    def _refuse(self, request: Request, reason: SkipReason, detail: str) -> None:
        place = self._place(request)
        if place.url in self._for_us:
            return
        if place.url in self._hidden:
            self._hidden[place.url] = True
            reason = reason if reason == "blocked" else "not_shown"
        self._candidate_filter.refuse(reason, place, detail)

    def _place(self, request: Request) -> Place:
        known = address(_first(request))
        return Place(known, "not_shown" if known in self._hidden else "other")


def media_type(response: Response) -> str:
    """The media type of a response in lower case, without parameters; empty when it has none."""
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def _first(request: Request) -> str:
    """The address that the page requested, before any redirect."""
    while request.redirected_from is not None:
        request = request.redirected_from
    return request.url

"""How the scan of a page ends: images found before a timeout are kept, and nothing stays open after a cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

import pytest
from aiohttp import web
from playwright.async_api import BrowserContext

from server.contract.records import Candidate, Found, Skipped, Source
from server.extract.browser import Browser
from server.extract.candidate_filter import CandidateFilter
from server.extract.page import extract_page
from server.extract.responses import Responses
from server.settings import Settings
from server.source.egress import EgressProxy
from server.source.guard import Guard
from tests.extract.conftest import Seen, Visit, look, loopback
from tests.site import Site, page, picture


async def test_a_busy_loop_gives_what_came_before(site: Site, browser: Browser) -> None:
    release = asyncio.Event()

    async def held(request: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.Response(text="while (1);", content_type="text/javascript")

    data = picture(seed=19)
    site.add("/a.png", data, "image/png")
    site.add_handler("/loop.js", held)
    site.add("/", page("<img src=/a.png><script async src=/loop.js></script>"))
    seen = Seen()
    settings = loopback(page_timeout_s=4)
    source = Source("page", site.url("/"), site.url("/"))
    async with (
        EgressProxy(Guard(settings), settings) as proxy,
        aclosing(extract_page(source, browser, proxy.url, settings, lambda: proxy.refusals)) as images,
    ):
        async for found in images:
            seen.found.append(found)
            if isinstance(found, Candidate):  # only now, so that the image was there before the page hung
                release.set()
    assert seen.images == {data}
    assert seen.codes == ["timed_out"]


async def test_a_document_without_end_gives_what_came(visit: Visit, site: Site) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        await response.write(page("<img src=/a.png>").removesuffix("</body></html>").encode())
        while True:
            await response.write(b"<p>more</p>")
            await asyncio.sleep(0.05)

    data = picture(seed=22)
    site.add("/a.png", data, "image/png")
    site.add_handler("/", endless)
    seen = await visit(site.url("/"), page_timeout_s=4)
    assert [place.kind for place in seen.places(data)] == ["img"]
    assert seen.codes == ["timed_out"]


async def test_first_candidates_come_while_the_page_loads(visit: Visit, site: Site, browser: Browser) -> None:
    release = asyncio.Event()

    async def held(request: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.Response(body=picture(seed=21), content_type="image/png")

    site.add_picture("/fast.png", seed=20)
    site.add_handler("/held.png", held)
    site.add("/", page("<img src=/fast.png><img src=/held.png>"))
    settings = loopback()
    async with EgressProxy(Guard(settings), settings) as proxy:
        source = Source("page", "t", site.url("/"))
        count = 0
        async with aclosing(extract_page(source, browser, proxy.url, settings)) as found:
            async for one in found:
                count += isinstance(one, Candidate)
                release.set()  # the page cannot settle before its first image was told
    assert count == 4


async def test_closing_the_iterator_closes_the_page(site: Site, browser: Browser) -> None:
    site.add_picture("/fast.png")
    site.add("/", page("<img src=/fast.png><img src='/slow?s=60'>"))
    settings = loopback()
    async with EgressProxy(Guard(settings), settings) as proxy:
        found = extract_page(Source("page", "t", site.url("/")), browser, proxy.url, settings)
        async for one in found:
            if isinstance(one, Candidate):
                break
        assert browser.contexts == 1
        await found.aclose()
        assert browser.contexts == 0


async def test_cancelling_the_task_closes_the_page(site: Site, browser: Browser) -> None:
    arrived = asyncio.Event()

    async def held(request: web.Request) -> web.StreamResponse:
        arrived.set()
        await asyncio.sleep(60)
        return web.Response()

    site.add_handler("/held.png", held)
    site.add("/", page("<img src=/held.png>"))
    settings = loopback()

    async def scan() -> None:
        source = Source("page", "t", site.url("/"))
        async with (
            EgressProxy(Guard(settings), settings) as proxy,
            aclosing(extract_page(source, browser, proxy.url, settings)) as found,
        ):
            async for _ in found:
                pass

    task = asyncio.create_task(scan())
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert browser.contexts == 0


async def test_a_page_that_breaks_down_while_it_is_closed_ends_as_any_other(site: Site) -> None:
    class Breaking(Browser):
        @asynccontextmanager
        async def context(self, proxy_url: str, **others: Any) -> AsyncIterator[BrowserContext]:
            async with super().context(proxy_url, **others) as opened:
                yield opened
                shown = opened.pages[0]
                shown._impl_obj.emit("crash", shown._impl_obj)

    data = picture(seed=41)
    site.add("/a.png", data, "image/png")
    site.add("/", page("<img src=/a.png>"))
    async with Breaking(Settings()) as browser:
        seen = await look(browser, site.url("/"), loopback())
    assert (seen.images, seen.codes) == ({data}, [])


async def test_an_image_whose_bytes_are_on_their_way_at_the_end_is_counted() -> None:
    class Page:
        def on(self, *_: object) -> None:
            pass

        remove_listener = on

    class Request:
        url, resource_type, redirected_from = "https://example.org/late.png", "image", None

        async def response(self) -> None:
            await asyncio.sleep(60)

    found: list[Found] = []
    responses = Responses(cast(Any, Page()), CandidateFilter(Settings(), found.append), Settings(), tuple)
    responses._on_finished(cast(Any, Request()))
    await asyncio.sleep(0)
    assert responses.busy
    responses.give_up()
    assert [(one.reason, one.place.url) for one in found if isinstance(one, Skipped)] == [("timed_out", Request.url)]
    async with asyncio.timeout(30):
        while responses.busy:
            await asyncio.sleep(0)

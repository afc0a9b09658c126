"""The browser's contexts: warm, confined to their proxy, and isolated from each other."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Error as PlaywrightError

from server.extract.browser import Browser
from server.settings import Settings
from server.source.egress import EgressProxy
from server.source.guard import Guard
from tests.extract.conftest import look, loopback
from tests.site import Site, page, picture


async def test_it_starts_when_first_needed_and_only_once(browser: Browser) -> None:
    async with Browser(Settings()) as own:
        assert not own.running
        await asyncio.gather(own.start(), own.start())
        assert own.running
        first = own._current
        async with own.context("http://127.0.0.1:9"):
            assert own.contexts == 1
        assert own._current is first
        assert own.contexts == 0
    assert not own.running


async def test_loopback_goes_through_the_proxy_and_nothing_past_it(browser: Browser, site: Site) -> None:
    site.add("/", page("hello"))
    settings = Settings()
    async with EgressProxy(Guard(settings), settings) as proxy, browser.context(proxy.url) as context:
        tab = await context.new_page()
        answer = await tab.goto(site.url("/"))
        assert answer is not None and answer.status == 403
        assert [refusal.code for refusal in proxy.refusals] == ["address_not_allowed"]
    async with browser.context("http://127.0.0.1:9") as context:
        tab = await context.new_page()
        with pytest.raises(PlaywrightError, match="PROXY"):
            await tab.goto(site.url("/"))
    assert site.hits.total() == 0


async def test_what_a_page_may_not(browser: Browser, site: Site) -> None:
    site.add("/worker.js", "", "text/javascript")
    site.add("/", page("<p>hi"))
    script = """async () => {
      const worker = await navigator.serviceWorker.register("/worker.js").then(() => "registered", () => "refused");
      const place = await new Promise((done) => navigator.geolocation.getCurrentPosition(
        () => done("told"), () => done("refused")));
      const peer = new RTCPeerConnection({ iceServers: [{ urls: "stun:127.0.0.1:3478" }] });
      peer.createDataChannel("x");
      const seen = [];
      peer.onicecandidate = (event) => event.candidate && seen.push(event.candidate.candidate);
      await peer.setLocalDescription(await peer.createOffer());
      await new Promise((done) => setTimeout(done, 500));
      return { worker, place, udp: seen.filter((line) => / udp /i.test(line)) };
    }"""
    settings = loopback()
    async with EgressProxy(Guard(settings), settings) as proxy, browser.context(proxy.url) as context:
        tab = await context.new_page()
        await tab.goto(site.url("/"))
        answer = await tab.evaluate(script)
    assert answer["place"] == "refused"
    assert answer["udp"] == []
    assert (answer["worker"], site.hits["/worker.js"]) == ("registered", 1)  # it ends with the context


async def test_contexts_share_nothing(browser: Browser, site: Site) -> None:
    site.add("/set", page("set"), headers={"Set-Cookie": "who=me"})
    site.add("/", page("hello"))
    settings = loopback()
    async with EgressProxy(Guard(settings), settings) as proxy:
        for path in ("/set", "/"):
            async with browser.context(proxy.url) as context:
                await (await context.new_page()).goto(site.url(path))
    assert "Cookie" not in site.seen["/"]


async def test_visits_at_once_do_not_mix(browser: Browser, site: Site) -> None:
    images = {number: picture(seed=70 + number) for number in range(3)}
    for number, data in images.items():
        site.add(f"/{number}.png", data, "image/png")
        site.add(f"/{number}", page(f"<img src=/{number}.png>"))
    seen = await asyncio.gather(*(look(browser, site.url(f"/{number}"), loopback()) for number in images))
    assert [one.images for one in seen] == [{data} for data in images.values()]
    assert browser.contexts == 0


async def test_sites_meet_the_browser_as_with_a_window(browser: Browser, site: Site) -> None:
    site.add("/who.html", "<p>who?")
    async with EgressProxy(Guard(loopback()), loopback()) as proxy, browser.context(proxy.url) as context:
        tab = await context.new_page()
        await tab.goto(site.url("/who.html"))
        assert "Headless" not in await tab.evaluate("navigator.userAgent")
    assert "Headless" not in site.seen["/who.html"]["User-Agent"]
    assert "Headless" not in site.seen["/who.html"].get("sec-ch-ua", "")


@pytest.mark.parametrize("turns", range(1, 12, 2))
async def test_a_context_whose_asker_left_is_not_left_open(browser: Browser, turns: int) -> None:
    async def opened() -> int:
        """As the browser itself counts them."""
        assert browser._current is not None
        session = await browser._current.chromium.new_browser_cdp_session()
        try:
            return len((await session.send("Target.getBrowserContexts"))["browserContextIds"])
        finally:
            await session.detach()

    async def ask() -> None:
        async with browser.context("http://127.0.0.1:9"):
            await asyncio.sleep(60)

    before = await opened()
    asking = asyncio.create_task(ask())
    for _ in range(turns):
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await opened() == before

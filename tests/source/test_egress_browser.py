"""Chromium behind the proxy: all requests of a page go through it, and none reaches a denied address."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright
from playwright.async_api import Error as PlaywrightError

from server.source.egress import EgressProxy
from tests.site import Site, page
from tests.source.conftest import Names

DEAD_PROXY = {"server": "http://127.0.0.1:9"}  # what a context without a proxy of its own meets
NAMES = ("chromium", "chromium-browser", "google-chrome", "microsoft-edge")


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    found = os.environ.get("MEDLENS_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    async with async_playwright() as playwright:
        try:
            launched = await playwright.chromium.launch(executable_path=found, proxy=DEAD_PROXY)
        except PlaywrightError as error:
            if found:
                raise
            pytest.skip(f"no Chromium: {error.message.splitlines()[0]}")
        yield launched
        await launched.close()


@pytest.fixture
async def tab(browser: Browser, proxy: EgressProxy) -> AsyncIterator[Page]:
    context = await browser.new_context(proxy={"server": proxy.url}, service_workers="allow")
    yield await context.new_page()
    await context.close()


def codes(proxy: EgressProxy, host: str) -> set[str]:
    return {refusal.code for refusal in proxy.refusals if refusal.host == host}


async def test_loopback_goes_through_the_proxy(tab: Page, proxy: EgressProxy, site: Site) -> None:
    site.add_picture("/a.png")
    answer = await tab.goto(site.add("/page", page('<img src="/a.png">')))
    assert answer is not None
    assert answer.status == 200
    assert site.hits["/a.png"] == 1
    assert proxy.received > 5000
    assert proxy.refusals == []


async def test_without_its_own_proxy_a_context_reaches_nothing(browser: Browser, site: Site) -> None:
    context = await browser.new_context()
    with pytest.raises(PlaywrightError, match="ERR_PROXY_CONNECTION_FAILED"):
        await (await context.new_page()).goto(site.url("/404"))
    await context.close()
    assert site.hits.total() == 0


async def test_a_redirect_to_a_closed_address_is_refused(tab: Page, proxy: EgressProxy, site: Site, inside: Site) -> None:
    answer = await tab.goto(site.url(f"/redirect?to={inside.url('/secret')}"))
    assert answer is not None
    assert (answer.status, await answer.header_value("X-Medlens-Refused")) == (403, "address_not_allowed")
    assert codes(proxy, "127.0.0.2") == {"address_not_allowed"}
    assert inside.hits.total() == 0


async def test_every_way_out_of_a_page_is_closed(tab: Page, proxy: EgressProxy, site: Site, inside: Site, names: Names) -> None:
    names.add("intranet.example", ["127.0.0.2"])
    hop = site.url(f"/redirect?to={inside.url('/hop.png')}")
    closed = inside.url("/x", "intranet.example")
    socket = inside.url("/socket").replace("http", "ws")
    frame = f"<script>fetch('{inside.url('/frame')}')</script>"
    body = page(
        f'<img src="{hop}"><link rel="stylesheet" href="{closed}"><iframe src="{inside.url("/frame.html")}"></iframe>',
        f'<iframe sandbox="allow-scripts" srcdoc="{frame}"></iframe><div style="background:url({closed})">.</div>',
        f"""<script>
            const tried = [fetch("{closed}", {{mode: "no-cors"}}), new Promise((_, no) => new WebSocket("{socket}").onerror = no)];
            const code = "fetch('{inside.url("/worker")}', {{mode: 'no-cors'}}).catch(() => {{}}); new WebSocket('{socket}')";
            new Worker(URL.createObjectURL(new Blob([code])));
            window.tried = Promise.allSettled(tried).then(all => all.map(one => one.status));
        </script>""",
    )
    await tab.goto(site.add("/page", body))
    # The fetch meets the proxy's own 403; the socket finds no tunnel.
    assert await tab.evaluate("window.tried") == ["fulfilled", "rejected"]
    await tab.wait_for_load_state("networkidle")
    assert codes(proxy, "127.0.0.2") == {"address_not_allowed"}
    assert codes(proxy, "intranet.example") == {"address_not_allowed"}
    assert inside.hits.total() == 0


async def test_an_open_websocket_works(tab: Page, proxy: EgressProxy, site: Site) -> None:
    await tab.goto(site.add("/page", page("x")))
    said = await tab.evaluate(
        """url => new Promise((yes, no) => {
            const socket = new WebSocket(url);
            socket.onopen = () => socket.send("hello");
            socket.onmessage = event => yes(event.data);
            socket.onerror = no;
        })""",
        site.url("/socket").replace("http", "ws"),
    )
    assert said == "echo hello"
    assert proxy.refusals == []


async def test_an_unknown_host_and_a_huge_answer_are_on_record(tab: Page, proxy: EgressProxy, site: Site, names: Names) -> None:
    names.add("gone.example", [])
    await tab.goto(site.add("/page", page('<img src="https://gone.example/a.png">')))
    with pytest.raises(PlaywrightError, match=r"Failed to fetch|network error"):
        await tab.evaluate("fetch('/endless').then(answer => answer.blob())")
    assert codes(proxy, "gone.example") == {"host_not_found"}
    assert codes(proxy, "127.0.0.1") == {"too_large"}

"""Every kind of request that a page can make, each to a host of its own inside: the proxy refuses it, a canary hears nothing."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page

from server.source import egress as egress_module
from server.source.egress import EgressProxy
from tests.site import Site, page
from tests.source.conftest import Names
from tests.source.test_egress_browser import browser, tab

__all__ = ["browser", "tab"]  # fixtures

# kind: what asks for URL. Each is in a page together with all others.
MARKUP = {
    "picture": '<picture><source srcset="URL"><img></picture>',
    "script": '<script src="URL"></script>',
    "frame": '<iframe src="URL"></iframe>',
    "object": '<object data="URL"></object>',
    "embed": '<embed src="URL">',
    "video": '<video src="URL" preload="auto"></video>',
    "audio": '<audio src="URL" preload="auto"></audio>',
    "poster": '<video poster="URL"></video>',
    "svg": '<svg><image href="URL"/></svg>',
    "import": '<style>@import url("URL");</style>',
    "font": '<style>@font-face { font-family: f; src: url("URL") } p { font-family: f }</style><p>text</p>',
    "mask": '<div style="width:9px;height:9px;border-image:url(URL) 1">.</div>',
    "preload": '<link rel="preload" as="image" href="URL">',
    "prefetch": '<link rel="prefetch" href="URL">',
    "modulepreload": '<link rel="modulepreload" href="URL">',
    "refresh": '<iframe srcdoc="<meta http-equiv=refresh content=0;url=URL>"></iframe>',
    "form": '<iframe name="form"></iframe><form method="post" action="URL" target="form"></form>'
    "<script>document.forms[0].submit()</script>",
    "beacon": '<script>navigator.sendBeacon("URL", "x")</script>',
    "events": '<script>new EventSource("URL")</script>',
    "xhr": '<script>{ const x = new XMLHttpRequest(); x.open("POST", "URL"); x.send("x") }</script>',
    "module": '<script type="module">import("URL").catch(() => 0)</script>',
    "worker": """<script>new Worker(URL.createObjectURL(new Blob(['importScripts("URL")'])))</script>""".replace(
        'importScripts("URL")', 'importScripts("HERE")'
    ),
    "shared": """<script>new SharedWorker(URL.createObjectURL(new Blob(['fetch("HERE", {mode: "no-cors"})'])))</script>""",
}
# These make no request that must reach the proxy; what counts is that nothing gets past it.
SILENT = {
    "dns-prefetch": '<link rel="dns-prefetch" href="URL">',
    "preconnect": '<link rel="preconnect" href="URL">',
    "ping": '<a id="ping" href="#x" ping="URL">x</a><script>document.getElementById("ping").click()</script>',
    "popup": '<script>window.open("URL")</script>',
    "service": '<script>navigator.serviceWorker.register("URL").catch(() => 0)</script>',
}


async def test_no_kind_of_request_reaches_the_inside(
    tab: Page, proxy: EgressProxy, site: Site, inside: Site, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress_module, "MAX_REFUSALS", 1000)
    parts = []
    for kind, markup in (MARKUP | SILENT).items():
        host = f"{kind}.example"
        names.add(host, ["127.0.0.2"])
        address = inside.url(f"/{kind}", host)
        parts.append(markup.replace("HERE", address) if "HERE" in markup else markup.replace("URL", address))
    await tab.goto(site.add("/kinds", page(*parts)))
    wanted = {f"{kind}.example" for kind in MARKUP}

    async def refused() -> set[str]:
        return {refusal.host for refusal in proxy.refusals if refusal.code == "address_not_allowed"}

    for _ in range(200):
        if await refused() >= wanted:
            break
        await asyncio.sleep(0.1)
    assert wanted - await refused() == set()
    assert inside.hits.total() == 0

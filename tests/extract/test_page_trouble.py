"""Pages that do not load, load as something else, or misbehave while they are read."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from server.contract.errors import (
    AddressNotAllowed,
    ConnectionFailed,
    HostNotFound,
    HttpStatus,
    MedlensError,
    RedirectLoop,
    RenderError,
    TimedOut,
)
from server.contract.records import Candidate, Notice, Source
from server.extract.browser import Browser
from server.extract.page import NotAPage, extract_page
from server.source.egress import EgressProxy
from server.source.guard import Guard
from tests.extract.conftest import Visit, loopback
from tests.site import Site, page, picture

NAMED = {
    "/404": HttpStatus,
    "/500": HttpStatus,
    "/loop": RedirectLoop,
    "/hangup": ConnectionFailed,
    "/garbage": ConnectionFailed,
    "/redirect?to=http://10.0.0.1/": AddressNotAllowed,
    "/redirect?to=http://nobody.invalid/": HostNotFound,
    "/redirect?to=file:///etc/passwd": ConnectionFailed,
    "/download": NotAPage,
    "/zip": NotAPage,
    "/html.pdf": NotAPage,
    "/picture.png": NotAPage,
    "/no-content": RenderError,
}


@pytest.mark.parametrize("path", NAMED)
async def test_failures_have_names(visit: Visit, site: Site, path: str) -> None:
    site.add_picture("/picture.png")
    site.add("/no-content", b"", status=204)
    with pytest.raises(MedlensError) as raised:
        await visit(site.url(path))
    assert type(raised.value) is NAMED[path], str(raised.value)
    assert "\n" not in str(raised.value)


async def test_an_answer_of_the_site_carries_its_status(visit: Visit, site: Site) -> None:
    site.add("/forbidden", "no", status=403)  # the proxy refuses with 403 too
    with pytest.raises(HttpStatus) as raised:
        await visit(site.url("/forbidden"))
    assert raised.value.answered == 403


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://nobody.invalid/", HostNotFound),
        ("https://nobody.invalid/", HostNotFound),
        ("https://10.1.2.3/", AddressNotAllowed),
        ("http://127.0.0.1:1/", ConnectionFailed),
    ],
)
async def test_hosts_that_cannot_be_reached(visit: Visit, url: str, error: type[MedlensError]) -> None:
    with pytest.raises(MedlensError) as raised:
        await visit(url)
    assert type(raised.value) in (error, AddressNotAllowed) if url.endswith(":1/") else type(raised.value) is error


async def test_a_site_that_does_not_answer(visit: Visit, site: Site) -> None:
    with pytest.raises(TimedOut):
        await visit(site.url("/slow?s=60"), page_timeout_s=2)


async def test_a_file_says_where_it_is(visit: Visit, site: Site) -> None:
    site.add_picture("/picture.png")
    with pytest.raises(NotAPage) as raised:
        await visit(site.url("/redirect?to=/picture.png"))
    assert raised.value.urls == (site.url("/picture.png"),)


async def test_pages_without_images_give_nothing(visit: Visit, site: Site) -> None:
    site.add("/empty", "")
    site.add("/words", page("<h1>words</h1>", title="Words only"))
    assert (await visit(site.url("/empty"))).found == []
    assert (await visit(site.url("/words"))).found == [Notice(title="Words only")]


async def test_a_redirect_is_followed(visit: Visit, site: Site) -> None:
    data = picture(seed=30)
    site.add("/a.png", data, "image/png")
    site.add("/there/", page("<img src=../a.png>"))
    assert (await visit(site.url("/redirect?to=/there/"))).images == {data}


async def test_a_consent_wall_does_not_hold_the_page(visit: Visit, site: Site) -> None:
    data = picture(seed=31)
    site.add("/a.png", data, "image/png")
    site.add("/yes", "")
    wall = """<style>html, body { height: 100%; overflow: hidden } body { position: fixed; width: 100% }
      #wall { position: fixed; inset: 0; z-index: 9999; background: #0008 }</style>
      <div id=wall><p>We value your privacy</p><button onclick="fetch('/yes')">Accept all</button></div>"""
    site.add("/", page(wall, "<p>text</p>" * 30, "<p style='height:6000px'></p><img loading=lazy src=/a.png width=200 height=160>"))
    seen = await visit(site.url("/"))
    assert seen.images == {data}
    (place,) = seen.places(data)
    assert place.box is not None and place.box[1] > 6000
    assert site.hits["/yes"] == 0, "nobody consents on the reader's behalf"


async def test_a_page_that_is_one_fixed_box_stays(visit: Visit, site: Site) -> None:
    data = picture(seed=32)
    site.add("/a.png", data, "image/png")
    site.add("/", page("<div style='position:fixed;inset:0;overflow:auto'><h1>app</h1><img src=/a.png></div>"))
    (place,) = (await visit(site.url("/"))).places(data)
    assert place.box is not None


async def test_dialogs_and_windows_do_not_stop_a_visit(visit: Visit, site: Site, browser: Browser) -> None:
    data = picture(seed=33)
    site.add("/a.png", data, "image/png")
    site.add("/popup", page("<img src=/popup.png>"))
    site.add_picture("/popup.png", seed=34)
    script = """<script>
      alert(1); confirm(2); prompt(3); onbeforeunload = () => "stay";
      window.open("/popup"); window.open("/popup", "_blank", "noopener");
      setTimeout(() => { alert(4); print() }, 100); setInterval(() => alert(5), 200);
      navigator.geolocation.getCurrentPosition(() => {}); Notification.requestPermission();
    </script>"""
    site.add("/", page(script, "<img src=/a.png>"))
    seen = await visit(site.url("/"))
    assert seen.images == {data}
    assert seen.codes == []
    assert browser.contexts == 0


async def test_a_page_that_moves_on_is_followed(visit: Visit, site: Site) -> None:
    first, second = picture(seed=35), picture(seed=36)
    site.add("/first.png", first, "image/png")
    site.add("/second.png", second, "image/png")
    site.add("/", page("<meta http-equiv=refresh content='0.2;url=/next'><img src=/first.png>", title="First"))
    site.add("/next", page("<img src=/second.png>", title="Second"))
    seen = await visit(site.url("/"))
    assert second in seen.images
    assert [notice.title for notice in seen.notices if notice.title][-1] == "Second"
    (place,) = seen.places(second)
    assert place.kind == "img"


async def test_a_page_that_never_stays_is_left(visit: Visit, site: Site) -> None:
    async def turning(request: web.Request) -> web.StreamResponse:
        turn = int(request.query.get("n", "0"))
        body = page(f"<img src=/a.png><script>setTimeout(() => {{ location.href = '/turning?n={turn + 1}' }}, 250)</script>")
        return web.Response(text=body, content_type="text/html")

    site.add_picture("/a.png")
    site.add_handler("/turning", turning)
    seen = await visit(site.url("/turning"), page_timeout_s=12)
    assert len(seen.images) == 1
    assert [notice.code for notice in seen.notices if "kept navigating" in notice.message] == ["render_failed"]


async def test_an_svg_that_never_draws_is_left(visit: Visit, site: Site) -> None:
    data = picture(seed=38)
    site.add("/a.png", data, "image/png")
    levels = "".join(f'<g id="l{n}">' + f'<use href="#l{n - 1}"/>' * 12 + "</g>" for n in range(1, 9))
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300"><g id="l0"><rect width="9" height="9"/></g>'
    address = (
        f"data:image/svg+xml,{svg}{levels}</svg>".replace("#", "%23").replace("'", "%27").replace("<", "%3C").replace('"', "%22")
    )
    site.add(
        "/",
        page("<img src=/a.png>", f"<img loading=lazy style='position:absolute;top:90000px' src='{address}' width=300 height=300>"),
    )
    seen = await visit(site.url("/"), page_timeout_s=15)
    assert seen.images == {data}


async def test_a_page_that_breaks_down_gives_what_it_had(visit: Visit, site: Site, browser: Browser) -> None:
    site.add_picture("/a.png")
    site.add("/", page("<img src=/a.png><img src='/slow?s=30'>"))
    settings = loopback()
    found: list[object] = []
    async with EgressProxy(Guard(settings), settings) as proxy:
        async for one in extract_page(Source("page", "t", site.url("/")), browser, proxy.url, settings):
            found.append(one)
            if isinstance(one, Candidate):
                (context,) = browser._current.chromium.contexts  # type: ignore[union-attr]
                asyncio.get_running_loop().create_task(_crash(context))
    assert any(isinstance(one, Notice) and one.code == RenderError.code for one in found)


async def _crash(context) -> None:  # type: ignore[no-untyped-def]
    session = await context.new_cdp_session(context.pages[0])
    with pytest.raises(Exception, match=r"crash|closed"):
        await session.send("Page.crash")


@pytest.mark.parametrize(
    "move",
    [
        "<meta http-equiv=refresh content='0;url=http://10.0.0.1/'>",
        "<script>location = 'http://10.0.0.1/'</script>",
        "<script>setTimeout(() => location.assign('https://10.0.0.1/'), 300)</script>",
    ],
)
async def test_a_page_that_moves_to_a_refused_address_says_so(visit: Visit, site: Site, move: str) -> None:
    data = picture(seed=31)
    site.add("/a.png", data, "image/png")
    site.add("/", page(f"<img src=/a.png>{move}"))
    seen = await visit(site.url("/"))
    [notice] = [one for one in seen.notices if one.code == "address_not_allowed"]
    assert notice.severity == "cut"
    assert "moves on to an address that is refused" in (notice.message or "")

"""Endless pages, and images that are too many, too small, too slow or refused: limited and counted, without ending the scan."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from server.extract import candidate_filter, scroll
from server.extract.candidate_filter import MAX_ALT
from tests.extract.conftest import Visit
from tests.site import Site, page, picture

SPACER = "<p style='height:3000px'>far down</p>"
GROWING = """<div id=all></div><script>
  let n = 0;
  const more = () => { const i = new Image(200, 160); i.src = "/n.png?" + n++; all.append(i, document.createElement("p"));
    const p = document.createElement("p"); p.style.height = "900px"; all.append(p) };
  more(); more();
  addEventListener("scroll", () => { if (scrollY + innerHeight > document.documentElement.scrollHeight - 1500) more() });
</script>"""


async def test_lazy_images_load_while_scrolling(visit: Visit, site: Site) -> None:
    attribute, observed, late = (picture(seed=seed) for seed in (11, 12, 13))
    site.add("/attribute.png", attribute, "image/png")
    site.add("/observed.png", observed, "image/png")
    site.add("/late.png", late, "image/png")
    script = """<script>
      const show = (all) => all.forEach((one) => { if (one.isIntersecting) one.target.src = "/observed.png" });
      new IntersectionObserver(show).observe(seen);
      const add = (data) => { const image = new Image(); image.src = data.src; end.append(image) };
      setTimeout(() => fetch("/data.json").then((answer) => answer.json()).then(add), 50);
    </script>"""
    site.add("/data.json", '{"src": "/late.png"}', "application/json")
    body = [SPACER * 3, "<img loading=lazy src=/attribute.png>", SPACER, "<img id=seen width=200 height=160>", "<p id=end></p>"]
    site.add("/", page(*body, script))
    seen = await visit(site.url("/"))
    assert seen.images == {attribute, observed, late}
    (place,) = seen.places(observed)
    assert place.box is not None and place.box[1] > 12_000


async def test_an_application_that_scrolls_inside(visit: Visit, site: Site) -> None:
    data = picture(seed=14)
    site.add("/deep.png", data, "image/png")
    shell = "<div style='height:100vh;overflow:auto'>" + SPACER * 3 + "<img loading=lazy src=/deep.png width=200 height=160></div>"
    site.add("/", page(shell))
    assert (await visit(site.url("/"))).images == {data}


async def test_an_endless_page_is_cut(visit: Visit, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scroll, "MAX_SCROLL_PX", 8000)
    site.add_picture("/n.png")
    site.add("/", page(GROWING))
    seen = await visit(site.url("/"))
    assert len(seen.candidates) >= 8
    (cut,) = (notice for notice in seen.notices if notice.code)
    assert (cut.code, cut.severity) == ("too_large", "cut")
    assert "without end" in cut.message


async def test_many_images_are_counted_above_the_limit(visit: Visit, site: Site) -> None:
    async def numbered(request: web.Request) -> web.StreamResponse:
        return web.Response(body=picture(size=(70, 70), seed=int(request.query_string)), content_type="image/png")

    site.add_handler("/n", numbered)
    site.add("/", page(*(f"<img src=/n?{number}>" for number in range(300))))
    seen = await visit(site.url("/"), max_images=40)
    assert len(seen.images) == 40
    assert len(seen.reasons("too_many")) == 260
    assert len(await _images(visit, site)) == 300


async def _images(visit: Visit, site: Site) -> set[bytes]:
    return (await visit(site.url("/"))).images


async def test_small_ones_are_counted(visit: Visit, site: Site) -> None:
    for name, size in {"pixel": (1, 1), "icon": (63, 200), "wide": (300, 20), "enough": (64, 64)}.items():
        site.add_picture(f"/{name}.png", size=size, seed=len(name))
    site.add("/silent", b"", "image/gif")
    icon = "<svg width=20 height=20><path d='M0 0h9v9z'/></svg>"
    small_data = '<img src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7">'
    site.add(
        "/icon.svg", '<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24"><path d="M0 0h9v9z"/></svg>', "image/svg+xml"
    )
    images = [f"<img src=/{name}.png>" for name in ("pixel", "icon", "wide", "enough", "pixel")]
    site.add(
        "/", page(*images, "<img src=/silent>", icon * 3, small_data, "<img src=/icon.svg>", "<canvas width=9 height=9></canvas>")
    )
    seen = await visit(site.url("/"))
    assert len(seen.images) == 1
    assert {skipped.reason for skipped in seen.skipped} == {"too_small"}
    urls = sorted((skipped.place.url or "-").removeprefix(site.url("/")) for skipped in seen.skipped)
    assert urls == ["-", "-", "data:image/gif;base64", "icon.png", "icon.svg", "pixel.png", "silent", "wide.png"]


async def test_an_image_that_never_comes(visit: Visit, site: Site) -> None:
    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "image/png"})
        await response.prepare(request)
        for byte in data:
            await response.write(bytes((byte,)))
            await asyncio.sleep(0.05)
        return response

    data = picture(seed=15)
    site.add("/here.png", data, "image/png")
    site.add_handler("/drip.png", dripping)
    site.add("/", page("<img src='/slow?s=60'><img src=/here.png><img src=/drip.png>"))
    seen = await visit(site.url("/"), image_timeout_s=1)
    assert seen.images == {data}
    assert {place.url for place in seen.reasons("timed_out")} == {site.url("/slow?s=60"), site.url("/drip.png")}
    assert seen.codes == []


async def test_missing_refused_and_broken_images(visit: Visit, site: Site) -> None:
    good, cut = picture(seed=16), picture("JPEG", seed=17)[:400]
    site.add("/good.png", good, "image/png", status=404)  # browsers show it all the same
    site.add("/cut.jpg", cut, "image/jpeg")
    inside, tunnel = "http://169.254.169.254/x.png", "https://10.1.2.3/x.png"
    away = site.url("/redirect?to=http://10.0.0.1/y.png")
    shown = [inside, tunnel, away, "/404", "/good.png", "/cut.jpg", "/hangup"]
    site.add("/", page(*(f"<img src='{address}'>" for address in shown)))
    seen = await visit(site.url("/"))
    assert seen.images == {good, cut}, "what is broken inside is told by who opens it"
    assert {place.url for place in seen.reasons("blocked")} == {inside, tunnel, away}
    assert {place.url for place in seen.reasons("broken")} == {site.url("/404"), site.url("/hangup")}


async def test_hostile_words(visit: Visit, site: Site) -> None:
    data = picture(seed=18)
    site.add("/a.png", data, "image/png")
    script = r"""<script>
      document.title = "a\u0000b\ud800\u202ec\n<script>" + "t".repeat(10000);
      document.images[0].alt = "x\u0000\u202e\ud83d\u{1f600}\n\t y" + "z".repeat(100000);
      Element.prototype.getAttribute = Array.prototype.push = window.getComputedStyle = () => { throw 1 };
      document.querySelectorAll = document.createElement = () => null;
    </script>"""
    site.add("/", page("<img src=/a.png>", script))
    seen = await visit(site.url("/"))
    (place,) = seen.places(data)
    assert place.alt is not None and place.alt.startswith("x\U0001f600 yzz") and len(place.alt) == MAX_ALT
    (title,) = {notice.title for notice in seen.notices if notice.title}
    assert title.startswith("a bc <script>ttt") and len(title) <= 300
    assert place.kind == "img" and place.box is not None


async def test_pixels_without_end_are_counted_to_a_limit(visit: Visit, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidate_filter, "MAX_REFUSED", 30)
    site.add_picture("/p", size=(1, 1))
    site.add("/", page(*(f"<img src=/p?{number}>" for number in range(100))))
    seen = await visit(site.url("/"))
    assert len(seen.reasons("too_small")) == 30

"""Images that a page loads only when somebody scrolls inside it, or that it names and does not show."""

from __future__ import annotations

import json

import pytest

from server.extract import scroll
from tests.extract.conftest import Visit
from tests.extract.field import FIELD, serve_field
from tests.site import Site, page, picture

LAZY = """<script>
  const show = ({ isIntersecting, target }) => {if (isIntersecting) { target.src = target.dataset.later; watch.unobserve(target) }};
  const watch = new IntersectionObserver((all) => all.forEach(show));
  document.querySelectorAll("[data-later]").forEach((one) => watch.observe(one));
</script>"""
SPACER = "<p style='height:1500px'>text</p>"


def add_pictures(site: Site, count: int = 8) -> list[bytes]:
    images = [picture(seed=200 + number) for number in range(count)]
    for number, data in enumerate(images):
        site.add(f"/{number}.png", data, "image/png")
    return images


def box(style: str, *parts: str) -> str:
    return f"<div style='width:400px;height:300px;{style}'>{''.join(parts)}</div>"


def slide(markup: str) -> str:
    return f"<div style='width:400px;height:300px;flex:none;scroll-snap-align:start'>{markup}</div>"


def column(number: int) -> str:
    return slide(f"<img data-later='{number}.png?a' width=200 height=160>")


@pytest.mark.parametrize(
    "markup",
    [
        box("overflow-y:auto", *map(column, range(8))),
        box("overflow-x:scroll;scroll-snap-type:x mandatory;display:flex", *map(column, range(8))),
        box("overflow:hidden", "<div style='display:flex'>", *map(column, range(8)), "</div>"),
        box("overflow-y:auto", SPACER, box("overflow-y:auto", *map(column, range(8)))),
    ],
    ids=["down", "snap_row", "slider", "box_in_a_box"],
)
async def test_boxes_are_scrolled_to_their_ends(visit: Visit, site: Site, markup: str) -> None:
    images = add_pictures(site)
    site.add("/", page(SPACER, markup, SPACER, LAZY))
    seen = await visit(site.url("/"))
    assert seen.images == set(images)
    assert seen.codes == [] and seen.skipped == []


@pytest.mark.parametrize("host", [None, "localhost"], ids=["same_origin", "cross_origin"])
async def test_frames_are_scrolled(visit: Visit, site: Site, host: str | None) -> None:
    images = add_pictures(site)
    site.add("/frame", page(SPACER, box("overflow-y:auto", *map(column, range(4))), SPACER, *map(column, range(4, 8)), LAZY))
    site.add("/", page(SPACER, f"<iframe loading=lazy width=600 height=300 src={site.url('/frame', host)}></iframe>", SPACER))
    seen = await visit(site.url("/"))
    assert seen.images == set(images)


async def test_a_box_without_end_is_cut(visit: Visit, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scroll, "MAX_STEPS", 5)
    site.add_picture("/0.png")
    more = "b.append(Object.assign(new Image(200, 900), {src: '/0.png'}))"
    grow = f"<script>b.onscroll = () => {{ {more} }}; b.onscroll(); b.onscroll()</script>"
    site.add("/", page("<div id=b style='width:250px;height:300px;overflow-y:auto'></div>", SPACER * 2, grow))
    seen = await visit(site.url("/"))
    (cut,) = (notice for notice in seen.notices if notice.code)
    assert (cut.code, cut.severity) == ("too_large", "cut")
    assert "without end" in cut.message


async def test_what_the_page_names_is_loaded(visit: Visit, site: Site) -> None:
    images = add_pictures(site, 9)
    structured = {"@graph": [{"@type": "MedicalWebPage", "image": [{"@type": "ImageObject", "url": "/7.png"}]}]}
    parts = [
        "<div style='transform:translateX(0);overflow:hidden'><img data-lazy=0.png alt='a slide' width=200 height=160></div>",
        "<img data-srcset='/404 100w, 1.png 800w' width=200 height=160>",
        "<picture><source data-srcset=2.png><img width=200 height=160></picture>",
        "<div data-bg=\"url('3.png')\" title='a tile'></div>",
        "<div style='display:none'><p style='background:url(4.png)'></p><img loading=lazy src=5.png></div>",
        "<p>text</p><noscript><img src=6.png></noscript>",
        f"<script type=application/ld+json>{json.dumps(structured)}</script>",
        '<ul data-images=\'["8.png", "icons"]\'></ul>',
    ]
    site.add("/", page(*parts))
    seen = await visit(site.url("/"))
    assert seen.images == set(images)
    kinds = {number: seen.places(images[number])[0].kind for number in range(9)}
    assert kinds == {number: "img" if number == 5 else "not_shown" for number in range(9)}
    assert seen.places(images[0])[-1].alt == "a slide"
    assert seen.codes == [] and seen.skipped == []


async def test_sizes_of_a_shown_image_are_not_loaded(visit: Visit, site: Site) -> None:
    (image,) = add_pictures(site, 1)
    shown = "<img src=0.png srcset='0.png 1x, big.png 9x' data-large-file=/large.png data-full=/full.png>"
    shown += "<noscript><img src=plain.png></noscript>"
    site.add("/", page(shown, "<a data-src=/lightbox.jpg href=#><img src=0.png></a>"))
    seen = await visit(site.url("/"))
    assert seen.images == {image}
    assert {path for path in site.hits if path.endswith((".png", ".jpg"))} == {"/0.png"}


async def test_what_cannot_be_loaded_is_counted(visit: Visit, site: Site) -> None:
    missing = ["/404", "http://10.0.0.1/inside.jpg"]
    site.add("/", page(*(f"<img data-src='{url}' width=200 height=160>" for url in missing)))
    seen = await visit(site.url("/"))
    assert [place.url for place in seen.reasons("not_shown")] == [site.url("/404")]
    assert [place.url for place in seen.reasons("blocked")] == ["http://10.0.0.1/inside.jpg"]
    (remark,) = (notice for notice in seen.notices if notice.code)
    assert (remark.code, remark.severity) == ("not_shown", "remark")
    assert remark.message.startswith("2 images")


async def test_buttons_and_empty_tabs_are_counted_and_not_pressed(visit: Visit, site: Site) -> None:
    pressed = "onclick=\"fetch('/pressed')\""
    tabs = f"<a role=tab>One</a><a role=tab aria-selected=false aria-controls=p {pressed}>Two</a><div id=p></div>"
    site.add("/", page(f"<button {pressed}>Load more images</button><button>Send</button>", tabs))
    seen = await visit(site.url("/"))
    (remark,) = (notice for notice in seen.notices if notice.code)
    assert (remark.code, remark.severity) == ("not_pressed", "remark")
    assert '1 "load more" buttons and 1 empty tabs' in remark.message
    assert not site.hits["/pressed"]


@pytest.mark.skipif(not FIELD.is_dir(), reason="no ../shared here")
@pytest.mark.parametrize(
    ("file", "count"),
    [
        ("slider_lazy/r1_slider_native.html", 12),
        ("slider_lazy/r2_slider_datasrc.html", 12),
        ("inner_scroller/r3_case_stack.html", 12),
        ("inner_scroller/w1a_inner_scroller.html", 6),
    ],
)
async def test_pages_that_were_reported(visit: Visit, site: Site, file: str, count: int) -> None:
    seen = await visit(serve_field(site, file))
    assert len(seen.images) == count
    assert seen.codes == [] and seen.skipped == []

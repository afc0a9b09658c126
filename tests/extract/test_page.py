"""One page with every way to show an image: each image is found, with its kind and its place."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from server.contract.records import Candidate, Place
from server.extract.browser import Browser
from tests.extract.conftest import Seen, Visit, look, loopback
from tests.site import HTML, Site, page, picture

SVG_FILE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 80"><rect width="60" height="80" fill="#c00000"/></svg>'
INLINE_SVG = '<svg id=drawn class=chart width=180 height=120 aria-label="a chart"><circle cx=60 cy=60 r=50 /></svg>'


def data_url(data: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


# What stands on the page, by the name of its picture: the markup, and the kind it is told as.
SOURCES: dict[str, tuple[str, str]] = {
    "img": ('<img src="/img.png" alt="chest, front">', "img"),
    "srcset": ('<img srcset="/srcset.png 1x, /other.png 2x" src="/fallback.png">', "img"),
    "picture": ('<picture><source srcset="/picture.webp" type="image/webp"><img src="/fallback.png"></picture>', "picture"),
    "background": ('<div class=tile style="background-image: url(/background.png)"></div>', "background"),
    "image_set": (
        '<div class=tile style="background-image: image-set(url(/image_set.png) 1x, url(/other.png) 2x)"></div>',
        "background",
    ),
    "before": ('<p class="pseudo before"></p>', "background"),
    "after": ('<p class="pseudo after"></p>', "background"),
    "list_style": ("<ul class=listed><li>one</ul>", "background"),
    "border": ('<div class=tile style="border: 30px solid; border-image: url(/border.png) 30"></div>', "background"),
    "content": ('<div style="content: url(/content.png)"></div>', "background"),
    "mask": ('<div class=tile style="background: teal; mask-image: url(/mask.png)"></div>', "background"),
    "poster": ("<video poster=/poster.png width=200 height=160></video>", "video_poster"),
    "object": ("<object data=/object.png type=image/png></object>", "object"),
    "embed": ("<embed src=/embed.png type=image/png>", "object"),
    "input": ('<input type=image src=/input.png alt="go">', "img"),
    "in_svg": ("<svg width=220 height=180><image href=/in_svg.png width=200 height=160 /></svg>", "svg"),
    "frame": ("<iframe src=/frame.html width=300 height=220></iframe>", "img"),
    "far_frame": ("<iframe src={far}/far_frame.html width=300 height=220></iframe>", "img"),
    "srcdoc": ('<iframe sandbox srcdoc="<img src={near}/srcdoc.png>" width=300 height=220></iframe>', "img"),
    "image_frame": ("<iframe src=/image_frame.png width=300 height=220></iframe>", "frame"),
    "open_root": ("<div id=open_host></div>", "img"),
    "closed_root": ("<div id=closed_host></div>", "img"),
    "closed_parsed": ("<div><template shadowrootmode=closed><img src=/closed_parsed.png></template></div>", "img"),
    "nested_closed": ("<div id=nested_host></div>", "background"),
    "blob": ("<img id=from_blob>", "img"),
    "redirected": ('<img src="/redirect?to=/redirected.png">', "img"),
    "jpeg": ("<img src=/jpeg.jpg>", "img"),
    "avif": ("<img src=/avif.avif>", "img"),
    "untyped": ("<img src=/untyped>", "img"),
    "data": ('<img src="{data}">', "img"),
    "data_background": ("<div class=tile style=\"background-image: url('{data_background}')\"></div>", "background"),
}
FORMATS = {"jpeg": "JPEG", "avif": "AVIF", "picture": "WEBP"}
IMAGES = {name: picture(FORMATS.get(name, "PNG"), seed=number) for number, name in enumerate(SOURCES, 2)}
STYLE = """<style>
  .tile { width: 200px; height: 160px } .pseudo::before, .pseudo::after { content: ""; display: block; width: 200px; height: 160px }
  .before::before { background: url(/before.png) } .after::after { background: url(/after.png) }
  .listed { list-style-image: url(/list_style.png) } .chart circle { fill: #0000ff }
</style>"""
SCRIPT = """<script>
  open_host.attachShadow({mode: "open"}).innerHTML = "<img src=/open_root.png>";
  closed_host.attachShadow({mode: "closed"}).innerHTML = "<img src=/closed_root.png>";
  const outer = nested_host.attachShadow({mode: "closed"});
  outer.innerHTML = "<div id=inner></div>";
  outer.getElementById("inner").attachShadow({mode: "closed"}).innerHTML =
    "<i style='display:block;width:200px;height:160px;background:url(/nested_closed.png)'></i>";
  fetch("/blob.png").then(r => r.blob()).then(b => { from_blob.src = URL.createObjectURL(b) });
  const pen = painted.getContext("2d");
  pen.fillStyle = "#00ff00"; pen.fillRect(0, 0, 150, 100);
  const far = new Image(); far.onload = () => tainted.getContext("2d").drawImage(far, 0, 0); far.src = "FAR/tainting.png";
</script>"""


@pytest.fixture(scope="module")
async def seen(browser: Browser) -> Seen:
    """The page is visited once; the tests look at what came."""
    async with Site() as site:
        far = site.url("", "localhost")
        for name, data in IMAGES.items():
            suffix = {"jpeg": ".jpg", "avif": ".avif", "picture": ".webp", "untyped": ""}.get(name, ".png")
            mime = "" if name == "untyped" else f"image/{FORMATS.get(name, 'PNG').lower()}"
            site.add(f"/{name}{suffix}", data, mime)
        for name in ("frame", "far_frame"):
            site.add(f"/{name}.html", page("<p style='margin:0 0 10px;height:20px'>in a frame</p>", f"<img src=/{name}.png>"))
        site.add("/tainting.png", picture(seed=90), "image/png")
        site.add("/file.svg", SVG_FILE, "image/svg+xml")
        parts = [
            markup.format(
                near=site.url(""), far=far, data=data_url(IMAGES["data"]), data_background=data_url(IMAGES["data_background"])
            )
            for markup, _ in SOURCES.values()
        ]
        rest = [
            INLINE_SVG,
            "<img id=file src=/file.svg width=150 height=120>",
            "<canvas id=painted width=200 height=150></canvas><canvas id=tainted width=220 height=170></canvas>",
            "<canvas width=300 height=300></canvas><svg width=16 height=16><path d='M0 0h9v9z'/></svg>",
        ]
        site.add(
            "/",
            page(STYLE, *(f"<div>{part}</div>" for part in (*parts, *rest)), SCRIPT.replace("FAR", far), title="Everything"),
            HTML,
        )
        return await look(browser, site.url("/"), loopback())


@pytest.mark.parametrize("name", SOURCES)
def test_found_with_its_kind_and_place(seen: Seen, name: str) -> None:
    (place,) = seen.places(IMAGES[name])
    assert place.kind == SOURCES[name][1]
    assert place.box is not None
    x, y, width, height = place.box
    assert 0 <= x < 400 and y >= 0
    assert width > 0 and height > 0


def drawn(seen: Seen, kind: str, alt: str | None = None) -> list[tuple[Image.Image, Place]]:
    return [
        (Image.open(io.BytesIO(one.data)).convert("RGBA"), one.place)
        for one in seen.candidates
        if one.place.kind == kind and one.place.alt == alt and one.data not in IMAGES.values()
    ]


def test_boxes_are_of_the_whole_page(seen: Seen) -> None:
    tops = [seen.places(IMAGES[name])[0].box[1] for name in ("img", "frame", "far_frame", "closed_root")]  # type: ignore[index]
    assert tops == sorted(tops)
    assert tops[-1] > 3000
    near, far = (seen.places(IMAGES[name])[0].box for name in ("frame", "far_frame"))
    assert near is not None and far is not None
    assert near[2:] == far[2:] == (200, 160)
    assert near[0] == far[0] == 8 + 2 + 8  # the page's margin, the frame's border, the margin within


def test_the_pages_own_words(seen: Seen) -> None:
    assert [one.title for one in seen.notices if one.title] == ["Everything"]
    assert seen.places(IMAGES["img"])[0].alt == "chest, front"
    assert seen.places(IMAGES["input"])[0].alt == "go"
    assert seen.codes == []


def test_inline_svg_is_drawn_with_the_pages_styles(seen: Seen) -> None:
    ((image, place),) = drawn(seen, "svg", "a chart")
    assert image.size == (180, 120)
    assert image.getpixel((60, 60)) == (0, 0, 255, 255)
    assert image.getpixel((175, 5))[3] == 0  # type: ignore[index]
    assert place.url is None


def test_an_svg_file_is_drawn_as_large_as_shown(seen: Seen) -> None:
    ((image, place),) = drawn(seen, "img")
    assert image.size == (150, 120)
    assert image.getpixel((10, 60)) == (192, 0, 0, 255)
    assert place.url is not None and place.url.endswith("/file.svg")


def test_canvases_are_read_or_photographed(seen: Seen) -> None:
    images = {image.size: image for image, _ in drawn(seen, "canvas")}
    assert images[200, 150].getpixel((20, 20)) == (0, 255, 0, 255)
    assert (220, 170) in images, "a tainted canvas comes from a screenshot"
    assert (300, 300) not in images, "nothing is drawn on it"


def test_every_image_comes_early_and_once_more_with_its_place(seen: Seen) -> None:
    early = [one for one in seen.found if isinstance(one, Candidate) and one.place.kind == "other"]
    assert {one.data for one in early} >= {data for name, data in IMAGES.items() if not name.startswith("data")}
    later = [one.place.kind for one in seen.candidates[len(early) :]]
    assert later.count("other") <= 1, "only the sandboxed frame's, which is found with its place"


def test_the_icon_is_skipped_and_nothing_else(seen: Seen) -> None:
    assert [(one.reason, one.place.kind, one.place.url) for one in seen.skipped] == [("too_small", "svg", None)]


async def test_an_image_in_many_places(visit: Visit, site: Site) -> None:
    data = picture(seed=77)
    site.add("/one.png", data, "image/png")
    site.add(
        "/a", page("<img src=one.png#x alt=one>", '<p style="height:200px;background:url(one.png)">', "<img src=/copy.png alt=two>")
    )
    site.add("/copy.png", data, "image/png")
    seen = await visit(site.url("/a"))
    places = [(place.kind, place.alt, place.url) for place in seen.places(data)]
    assert places == [
        ("img", "one", site.url("/one.png")),
        ("background", None, site.url("/one.png")),
        ("img", "two", site.url("/copy.png")),
    ]

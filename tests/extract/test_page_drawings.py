"""SVG and canvases: rendered as on the page, limited in number and size; data: URLs are read as browsers read them."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from server.extract import drawings
from server.extract.data_url import decode_data_url
from server.extract.drawings import MAX_SVG_SIDE
from tests.extract.conftest import Seen, Visit
from tests.site import Site, page


@pytest.mark.parametrize(
    ("address", "mime", "data"),
    [
        ("data:image/png;base64,aGk=", "image/png", b"hi"),
        ("data:image/png;base64,aGk", "image/png", b"hi"),
        ("data:image/png;charset=x;base64,a%47%6B%3D", "image/png", b"hi"),
        ("data:image/png;base64, aG\nk=", "image/png", b"hi"),
        ("data:;base64,aGk=", "", b"hi"),
        ("data:image/svg+xml;utf8,<svg%20/>", "image/svg+xml", b"<svg />"),
        ("data:,", "", b""),
    ],
)
def test_data_addresses(address: str, mime: str, data: bytes) -> None:
    assert decode_data_url(address) == (mime, data)


@pytest.mark.parametrize("address", ["data:image/png;base64", "data:image/png;base64,a"])
def test_invalid_data_urls(address: str) -> None:
    with pytest.raises(ValueError, match="data: URL"):
        decode_data_url(address)


def drawn(seen: Seen) -> list[Image.Image]:
    return [Image.open(io.BytesIO(one.data)).convert("RGBA") for one in seen.candidates if one.place.kind == "svg"]


async def test_what_an_inline_svg_takes_from_the_page(visit: Visit, site: Site) -> None:
    """Colours by style sheet and inheritance, shapes defined elsewhere, images by link, and HTML inside."""
    red = io.BytesIO()
    Image.new("RGB", (80, 80), (255, 0, 0)).save(red, "PNG")
    site.add("/red.png?a=1&b=2", red.getvalue(), "image/png")
    site.add("/red.png", red.getvalue(), "image/png")
    body = """<style>.note { color: #00ff00 } .hidden { display: none } p { margin: 0 }</style>
      <svg width=0 height=0><defs><g id=mark><rect width=40 height=40 fill=#0000ff /></g></defs></svg>
      <div class=note><svg width=200 height=100>
        <rect fill=currentColor width=50 height=100 /><rect class=hidden width=200 height=100 />
        <image href="/red.png?a=1&amp;b=2" x=50 width=50 height=50 /><use href=#mark x=100 />
        <foreignObject x=150 width=50 height=50><p style="height:50px;background:#ff00ff"></p></foreignObject></svg></div>"""
    site.add("/", page(body))
    (image,) = drawn(await visit(site.url("/")))[-1:]
    assert image.size == (200, 100)
    middles = {x: image.getpixel((x, 25)) for x in (25, 75, 120, 175)}
    assert middles == {25: (0, 255, 0, 255), 75: (255, 0, 0, 255), 120: (0, 0, 255, 255), 175: (255, 0, 255, 255)}
    assert image.getpixel((75, 75))[3] == 0  # type: ignore[index]


async def test_large_drawings_are_drawn_smaller(visit: Visit, site: Site) -> None:
    site.add("/", page("<svg width=3000 height=1500><circle r=900 cx=900 cy=700 /></svg>"))
    (image,) = drawn(await visit(site.url("/")))
    assert image.size == (MAX_SVG_SIDE, MAX_SVG_SIDE // 2)


async def test_more_drawings_than_the_limit_are_counted(visit: Visit, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawings, "MAX_DRAWINGS", 3)
    monkeypatch.setattr(drawings, "MAX_SCREENSHOTS", 2)
    svgs = [f"<svg width=100 height=100><circle r={radius} cx=50 cy=50 /></svg>" for radius in range(10, 15)]
    script = """<script>document.querySelectorAll("canvas").forEach((canvas, index) => {
      const gl = canvas.getContext("webgl"); gl.clearColor(index / 4, 0, 1, 1); gl.clear(gl.COLOR_BUFFER_BIT);
    })</script>"""
    site.add("/", page(*svgs, "<canvas width=100 height=100></canvas>" * 4, script))
    seen = await visit(site.url("/"))
    assert len(drawn(seen)) == 3
    assert sorted(place.kind for place in seen.reasons("too_many")) == ["canvas", "canvas", "svg", "svg"]


async def test_drawings_that_cannot_be_drawn(visit: Visit, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawings, "MAX_SVG_BYTES", 100_000)
    site.add("/torn.svg", "<svg xmlns='http://www.w3.org/2000/svg' width='100' height='100'><g>", "image/svg+xml")
    site.add(
        "/heavy.svg",
        f"<svg xmlns='http://www.w3.org/2000/svg' width='99' height='99'><!--{'x' * 100_000}--></svg>",
        "image/svg+xml",
    )
    shown = "<img src=/{} width=100 height=100>"
    bad = "<img src='data:image/png;base64,a' width=100 height=100>"
    site.add("/", page(shown.format("torn.svg"), shown.format("heavy.svg"), bad))
    seen = await visit(site.url("/"))
    assert [place.url for place in seen.reasons("too_large")] == [site.url("/heavy.svg")]
    assert [place.url for place in seen.reasons("broken")] == [site.url("/torn.svg"), "data:image/png;base64"]

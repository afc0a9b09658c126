"""Images that stand on a page in pieces or twice: each is one image in the Report."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from server.extract.tile_addresses import TILE, iiif_whole
from tests.extract.conftest import Seen, Visit
from tests.extract.field import FIELD, serve_field
from tests.site import Site, page, picture

WHOLE = Image.open(io.BytesIO(picture("PNG", (512, 384), 31))).convert("RGB")
TILE_SIDE = 128
STYLE = "<style>.t { position: absolute; width: 128px; height: 128px }</style>"


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def add_tiles(site: Site, name: str) -> str:
    """Serve the tiles of WHOLE under `name` with `{x}` and `{y}`; returns them as images edge to edge."""
    images = []
    for x in range(4):
        for y in range(3):
            left, top = x * TILE_SIDE, y * TILE_SIDE
            site.add(name.format(x=x, y=y), png(WHOLE.crop((left, top, left + TILE_SIDE, top + TILE_SIDE))), "image/png")
            images.append(f"<img class=t style='left:{left}px;top:{top}px' src='{name.format(x=x, y=y)}'>")
    return STYLE + f"<div style='position:relative;width:512px;height:384px'>{''.join(images)}</div>"


def kinds(seen: Seen) -> list[str]:
    return [one.place.kind for one in seen.candidates]


@pytest.mark.parametrize(
    "name", ["/tile/{x}_{y}.png", "/map/9/{x}/{y}.png", "/scan_files/11/{x}_{y}.png", "/TileGroup0/3-{x}-{y}.png"]
)
async def test_tiles_edge_to_edge_are_one_image(visit: Visit, site: Site, name: str) -> None:
    site.add("/", page(add_tiles(site, name)))
    seen = await visit(site.url("/"))
    (mosaic,) = seen.candidates
    assert mosaic.place.kind == "mosaic"
    assert mosaic.place.box == (8, 8, 512, 384)
    assert Image.open(io.BytesIO(mosaic.data)).convert("RGB").tobytes() == WHOLE.tobytes()
    assert seen.codes == [] and seen.skipped == []


async def test_an_iiif_server_gives_the_whole_image(visit: Visit, site: Site) -> None:
    site.add("/", page(add_tiles(site, "/iiif/scan/{x},{y},128,128/128,/0/default.png")))
    full = png(WHOLE.resize((1024, 768)))
    site.add("/iiif/scan/full/max/0/default.jpg", full, "image/png")
    seen = await visit(site.url("/"))
    assert [(one.data, one.place.kind) for one in seen.candidates] == [(full, "mosaic")]


async def test_tiles_drawn_on_a_canvas_are_seen_in_it(visit: Visit, site: Site) -> None:
    add_tiles(site, "/scan_files/11/{x}_{y}.png")
    draw = """<canvas id=c width=512 height=384></canvas><script>
      for (let x = 0; x < 4; x += 1) for (let y = 0; y < 3; y += 1) {
        const tile = new Image();
        tile.onload = () => c.getContext("2d").drawImage(tile, x * 128, y * 128);
        tile.src = `/scan_files/11/${x}_${y}.png`;
      }
    </script>"""
    site.add("/", page(draw))
    seen = await visit(site.url("/"))
    assert kinds(seen) == ["canvas"]


async def test_a_gallery_is_no_mosaic(visit: Visit, site: Site) -> None:
    """Numbered images with a gap between them, and images without numbers without one."""
    for number in range(8):
        site.add_picture(f"/case_{number // 4}_{number % 4}.png", seed=number)
        site.add_picture(f"/{'abcdefgh'[number]}.png", seed=number + 20)
    end = "<br clear=all>"
    apart = "".join(f"<img style='margin:4px;float:left' src=/case_{n // 4}_{n % 4}.png>{end * (n == 3)}" for n in range(8))
    close = "".join(f"<img style='float:left' src=/{name}.png>{end * (name == 'd')}" for name in "abcdefgh")
    site.add("/", page(apart, "<br clear=all>", close))
    seen = await visit(site.url("/"))
    assert len(seen.images) == 16
    assert "mosaic" not in kinds(seen)


async def test_a_drawing_of_one_image_is_that_image(visit: Visit, site: Site) -> None:
    plain, used = picture("JPEG", seed=41), picture("JPEG", seed=42)
    site.add("/plain.jpg", plain, "image/jpeg")
    site.add("/used.jpg", used, "image/jpeg")
    first = "<svg width=220 height=180><image href=/plain.jpg width=200 height=160></image><path d='M0 0h9v9z'/></svg>"
    second = "<svg width=220 height=180><defs><symbol id=s><image href=/used.jpg width=200 height=160></image></symbol></defs>"
    chart = "<svg width=600 height=400><image href=/plain.jpg width=100 height=80></image><path d='M0 0h300v300z'/></svg>"
    site.add("/", page(first, second, "<use href='#s'/></svg>"))
    seen = await visit(site.url("/"))
    assert seen.images == {plain, used}
    site.add("/", page(chart))
    assert len((await visit(site.url("/"))).images) == 2, "a drawing with an image in it is also seen as a drawing"


@pytest.mark.parametrize("url", ["http://x.org/2026/05/ct.jpg", "http://x.org/case_12.png", "http://x.org/ct-300x200px.png"])
def test_other_addresses_are_no_tiles(url: str) -> None:
    assert not TILE.search(url)
    assert iiif_whole(url) is None


@pytest.mark.skipif(not FIELD.is_dir(), reason="no ../shared here")
async def test_pages_that_were_reported(visit: Visit, site: Site) -> None:
    seen = await visit(serve_field(site, "tiles/w4_tiles.html"))
    (mosaic,) = seen.candidates
    assert Image.open(io.BytesIO(mosaic.data)).size == (1024, 1024)
    seen = await visit(serve_field(site, "ext_css_as_i_see_it/w14_css.html"))
    assert len(seen.images) == 7

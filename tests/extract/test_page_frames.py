"""Nested frames of this site and of others, frames that hang, and canvases that scripts may not read."""

from __future__ import annotations

import io

from PIL import Image

from tests.extract.conftest import Visit
from tests.site import Site, page, picture

FRAME = """<style>
  * {{ margin: 0; border: 0 }}
  iframe {{ position: absolute; left: 30px; top: 50px; width: 600px; height: 500px }}
</style>{}"""


async def test_boxes_in_frames_of_frames(visit: Visit, site: Site) -> None:
    """Each frame stands 30 px to the right and 50 px below its parent, whichever process it lives in."""
    near, far = site.url(""), site.url("", "localhost")
    images = {depth: picture(seed=50 + depth) for depth in range(4)}
    for depth, data in images.items():
        site.add(f"/{depth}.png", data, "image/png")
    for depth, child in ((1, f"<iframe src={near}/2.html></iframe>"), (2, f"<iframe src={near}/3.html></iframe>"), (3, "")):
        site.add(f"/{depth}.html", page(FRAME.format(f"<img src=/{depth}.png>{child}")))
    site.add("/", page(FRAME.format(f"<img src=/0.png><iframe src={far}/1.html></iframe>")))
    seen = await visit(site.url("/"))
    boxes = {depth: [place.box for place in seen.places(data)] for depth, data in images.items()}
    assert boxes == {depth: [(30 * depth, 50 * depth, 200, 160)] for depth in images}


async def test_a_frame_that_hangs_hides_no_other(visit: Visit, site: Site) -> None:
    first, second = picture(seed=60), picture(seed=61)
    site.add("/first.png", first, "image/png")
    site.add("/second.png", second, "image/png")
    site.add("/hangs", page("<script>while (1);</script>"))
    site.add("/fine", page("<img src=/second.png>"))
    far = site.url("", "localhost")
    site.add("/", page(f"<iframe src={far}/hangs></iframe><img src=/first.png><iframe src={site.url('/fine')}></iframe>"))
    seen = await visit(site.url("/"), page_timeout_s=20)
    assert [place.kind for place in seen.places(first)] == ["img"]
    assert [place.kind for place in seen.places(second)] == ["img"]


async def test_a_canvas_drawn_by_webgl_is_photographed(visit: Visit, site: Site) -> None:
    script = """<script>
      const gl = view.getContext("webgl");
      gl.clearColor(1, 0, 0, 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
    </script>"""
    site.add("/", page("<p style='height:1500px'></p><canvas id=view width=240 height=180></canvas>", script))
    seen = await visit(site.url("/"))
    (one,) = seen.candidates
    assert one.place.kind == "canvas"
    image = Image.open(io.BytesIO(one.data)).convert("RGB")
    assert image.size == (240, 180)
    assert image.getpixel((120, 90)) == (255, 0, 0)

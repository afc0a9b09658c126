"""Videos, and images that a service worker answers."""

from __future__ import annotations

import asyncio
import io

import pytest
from aiohttp import web
from PIL import Image

from tests.extract.conftest import Visit
from tests.extract.field import FIELD, serve_field
from tests.site import Site, page, picture

WORKER = """
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(clients.claim()));
self.addEventListener("fetch", (event) => {
  if (event.request.url.includes("/made/")) event.respondWith(fetch("/real.png"));
  if (event.request.url.includes("/inside/")) event.respondWith(fetch("http://10.1.2.3/x.png"));
});"""
REGISTER = """<div id=d></div><script>
  const ready = new Promise((next) => navigator.serviceWorker.addEventListener("controllerchange", next));
  navigator.serviceWorker.register("/worker.js").then(() => ready).then(() => { d.innerHTML = "<img src=MADE>" });
</script>"""
# Records a canvas as WebM and plays it: no file of a video need be kept.
RECORD = """<video id=v width=320 height=240></video><img src=/late.png><script>
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [320, 240];
  const paper = canvas.getContext("2d");
  const draw = () => { paper.fillStyle = "rgb(200,0,0)"; paper.fillRect(0, 0, 320, 240) };
  const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm" });
  recorder.ondataavailable = ({ data }) => { v.src = URL.createObjectURL(data) };
  const drawing = setInterval(draw, 40);
  recorder.start();
  setTimeout(() => { recorder.stop(); clearInterval(drawing) }, 400);
</script>"""


async def test_images_that_a_service_worker_answers(visit: Visit, site: Site) -> None:
    data = picture(seed=51)
    site.add("/real.png", data, "image/png")
    site.add("/worker.js", WORKER, "text/javascript")
    site.add("/", page(REGISTER.replace("MADE", "/made/scan.png")))
    seen = await visit(site.url("/"))
    assert seen.images == {data}
    assert [place.url for place in seen.places(data)] == [site.url("/made/scan.png")]


async def test_a_service_worker_reaches_nothing_that_is_denied(visit: Visit, site: Site) -> None:
    site.add("/worker.js", WORKER, "text/javascript")
    site.add("/", page(REGISTER.replace("MADE", "/inside/scan.png")))
    seen = await visit(site.url("/"))
    assert seen.images == set()
    assert len(seen.skipped) == 1


async def test_a_frame_of_a_video_without_poster(visit: Visit, site: Site) -> None:
    async def late(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1.5)  # until the video is there
        return web.Response(body=picture(size=(9, 9)), content_type="image/png")

    site.add_handler("/late.png", late)
    site.add("/", page(RECORD))
    seen = await visit(site.url("/"))
    (one,) = seen.candidates
    assert one.place.kind == "video_frame"
    red = Image.open(io.BytesIO(one.data)).convert("RGB").getpixel((250, 200))
    assert isinstance(red, tuple) and red[0] > 150 and red[1] < 60


async def test_a_video_that_does_not_come_is_counted(visit: Visit, site: Site) -> None:
    site.add(
        "/", page("<video src=/404 width=320 height=240></video>", "<video poster=/p.png src=/404 width=320 height=240></video>")
    )
    data = picture(seed=52)
    site.add("/p.png", data, "image/png")
    seen = await visit(site.url("/"))
    assert seen.images == {data}
    assert [one.reason for one in seen.skipped] == ["video"]


@pytest.mark.skipif(not FIELD.is_dir(), reason="no ../shared here")
async def test_pages_that_were_reported(visit: Visit, site: Site) -> None:
    seen = await visit(serve_field(site, "service_worker/w5_sw.html"))
    assert len(seen.images) == 2
    seen = await visit(serve_field(site, "video_loop/w2_video.html"))
    assert [one.place.kind for one in seen.candidates] == ["video_frame"]

"""A local site with something to find: real slices that come with pydicom, cut differently each time, and drawn charts.

Samples of every modality take their place where they lie beside the checkout.
"""

from __future__ import annotations

import asyncio
import html
import io
import math
import random
from functools import cache
from pathlib import Path

import pydicom
import pymupdf
from aiohttp import web
from PIL import Image, ImageDraw, ImageOps
from pydicom.data import get_testdata_file

from tests.site import Handler, Site, page

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "samples"
REAL = (
    "MSD-spleen__3a5cd98399.jpg",
    "MSD-spleen__8075f7fada.jpg",
    "AUL-liver__6fc8c2b67b.jpg",
    "RF100-bone-fracture__ac81817593.jpg",
    "Pretreat-MetsToBrain__641841b2db.jpg",
    "idrid__41de6d858b.jpg",
    "berkeley-bsd__3d44cf3dcf.jpg",
    "iterm-themes__6d761592d3.jpg",
    "cryptocurrency-icons__0290cd745e.jpg",
)
ALTS = ("A section of the abdomen", "Another section", "Liver", "Bone", "Brain", "Retina", "A photo", "A screen", "An icon")
HOSTILE = '"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>{{7*7}}=cmd|calc!A1 \u202egnp.exe'
LATE = """setTimeout(() => {
  const img = new Image(230, 180);
  img.src = "/picture/3.png";
  img.id = "late";
  document.body.append(img);
}, 1500)"""
SHADOWS = """for (const [id, mode, src] of [["open", "open", 0], ["closed", "closed", 1]]) {
  const img = new Image(230, 180);
  img.src = `/picture/${src}.png`;
  document.getElementById(id).attachShadow({mode}).append(img);
}"""


@cache
def dicom(name: str) -> Image.Image:
    """One of the small real slices that come with pydicom, grey, over its whole range."""
    pixels = pydicom.dcmread(get_testdata_file(name)).pixel_array.astype("float32")
    low, high = float(pixels.min()), float(pixels.max())
    return Image.fromarray(((pixels - low) / (high - low) * 255).astype("uint8"))


def section(seed: int, side: int = 320) -> bytes:
    """A real section, cut and turned differently for each seed, with a little noise of its own; PNG."""
    chance = random.Random(seed)
    image = dicom("CT_small.dcm")
    edge, width = chance.uniform(0, 0.12) * image.width if seed else 0, image.width
    image = image.crop((int(edge), int(edge), width - int(edge), width - int(edge))).resize((side, side), Image.Resampling.BICUBIC)
    image = image.rotate(90 * (seed % 4))  # else they are near copies of each other, and fold into one
    if seed % 8 > 3:
        image = ImageOps.mirror(image)
    noise = Image.effect_noise((side, side), 18)
    return _png(Image.blend(image, noise, 0.04).convert("RGB"))


def chart(seed: int) -> bytes:
    image = Image.new("RGB", (320, 220), "white")
    draw = ImageDraw.Draw(image)
    points = [(20 + step * 6, 110 + 60 * math.sin(step / 4 + seed)) for step in range(48)]
    draw.line(points, fill=(30 + seed * 37 % 200, 90, 200), width=3)
    draw.line([(20, 200), (310, 200)], fill="black")
    draw.line([(20, 20), (20, 200)], fill="black")
    return _png(image)


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def pictures() -> list[bytes]:
    """Six scans, then three others."""
    if SAMPLES.is_dir():
        return [(SAMPLES / name).read_bytes() for name in REAL]
    return [section(seed) for seed in range(6)] + [chart(seed) for seed in range(3)]


def pdf(images: list[bytes]) -> bytes:
    with pymupdf.open() as document:
        for data in images:
            document.new_page().insert_image(pymupdf.Rect(60, 60, 360, 360), stream=data)
        told: bytes = document.tobytes()
    return told


def img(path: str, alt: str = "", **more: str) -> str:
    extra = "".join(f' {name}="{value}"' for name, value in more.items())
    return f'<img src="{path}" alt="{html.escape(alt)}" width="230" height="180" style="object-fit:cover;margin:8px"{extra}>'


def ward(site: Site, found: list[bytes] | None = None) -> None:
    """/ward: nine pictures; /lazy: some far below, one put in late; /shadow; /many: 300; /hostile; /other; /ward.pdf."""
    found = found or pictures()
    for number, data in enumerate(found):
        site.add(f"/picture/{number}.png", data, "image/jpeg" if data[:2] == b"\xff\xd8" else "image/png")
    shown = [img(f"/picture/{number}.png", alt) for number, alt in zip(range(len(found)), ALTS, strict=False)]
    link = "<p><a id=pdf href=/ward.pdf>The paper</a></p>"
    site.add("/ward", page("<h1>Teaching file 12</h1>", *shown, link, title="Teaching file 12"))
    below = img("/picture/1.png", id="below", loading="lazy")
    site.add("/lazy", page(shown[0], "<div style='height:2500px'></div>", below, f"<script>{LATE}</script>"))
    background = "<div id=background style='width:230px;height:180px;background:url(/picture/2.png)'></div>"
    site.add("/shadow", page("<x-open id=open></x-open><div id=closed></div>", background, f"<script>{SHADOWS}</script>"))
    for number in range(300):
        site.add(f"/many/{number}.png", section(number, 96), "image/png")
    many = [f'<img src="/many/{number}.png" width="96" height="96" alt="">' for number in range(300)]
    site.add("/many", page(*many, title="Three hundred"))
    long = f"/pictures/{'x' * 300}.png"
    site.add(long, found[0], "image/png")
    site.add(
        "/hostile",
        page(img(f"{long}?a=%22%3E%3Cscript%3E", HOSTILE), img("/picture/1.png", HOSTILE), title=html.escape(HOSTILE)),
    )
    site.add("/other", page("<h1>Something else</h1>", shown[6]))
    site.add("/ward.pdf", pdf(found[:3]), "application/pdf")


def slow_ward(site: Site) -> asyncio.Event:
    """/slow: two pictures at once, and a last one that comes when the event is set; a scan waits for it."""
    gate = asyncio.Event()
    found = pictures()

    async def last(_: web.Request) -> web.StreamResponse:
        await gate.wait()
        return web.Response(body=found[2], content_type="image/jpeg")

    site.add("/slow", page(img("/picture/0.png"), img("/picture/1.png"), img("/slow/last", id="last"), title="Slow"))
    site.add_handler("/slow/last", last)
    return gate


def members_only(site: Site) -> None:
    """/members, two images and a PDF for who has the cookie of /members/login; 403 for everybody else."""

    async def login(_: web.Request) -> web.StreamResponse:
        answer = web.Response(text=page("welcome"), content_type="text/html")
        answer.set_cookie("member", "yes", httponly=True)
        return answer

    def guarded(body: bytes, content_type: str) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            if request.cookies.get("member") != "yes":
                return web.Response(status=403, text="members only")
            return web.Response(body=body, content_type=content_type)

        return answer

    found = pictures()
    site.add_handler("/members/login", login)
    site.add_handler("/members", guarded(page("<h1>Members</h1>", img("/members/0"), img("/members/1")).encode(), "text/html"))
    site.add_handler("/members/ward.pdf", guarded(pdf(found[:3]), "application/pdf"))
    for number in range(2):
        site.add_handler(
            f"/members/{number}", guarded(found[number], "image/jpeg" if found[number][:2] == b"\xff\xd8" else "image/png")
        )

"""Scan as I see it: what only the screen has is taken from there, and what cannot be taken is named before anything is sent."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import ClientSession
from PIL import Image
from playwright.async_api import Page

from tests.extension.desk import HOST, Desk
from tests.extension.drawn_site import AWAY, CSS_IMAGES, drawn
from tests.extension.gallery_site import section
from tests.extension.hands import until
from tests.extension.service import TOKEN
from tests.site import Site

pytestmark = pytest.mark.slow
FIELD = Path(__file__).resolve().parents[3] / "shared/corpora/field"


async def looked(desk: Desk, address: str, title: str = "drawn") -> Page:
    """The popup's account of what it would send from this page."""
    page = await desk.open(address)
    await until(page.title, title)
    await desk.toolbar()
    await until(lambda: desk.words("#status"), lambda said: said in ("Done", "Partly read"))  # the service may not see all of it
    await desk.see()
    return page


async def sent(desk: Desk, images: int) -> list[dict[str, Any]]:
    """The images of the Report, once what was named is sent and judged."""
    newest: list[dict[str, Any]] = []

    async def uploaded() -> bool:
        """Whether the newest scan is one of files, not of the page's address, and is done."""
        newest[:] = (await desk.extension.ask("GET", "/api/scans?limit=1"))["scans"]
        return newest[0]["url"] is None and newest[0]["id"] != last and newest[0]["status"] == "done"

    last = (await desk.extension.ask("GET", "/api/scans?limit=1"))["scans"][0]["id"]
    await desk.press("#see-yes")
    await until(uploaded, True)
    await desk.says("#facts", f"{images} image")
    await desk.says("#status", "Done")
    report = await desk.extension.ask("GET", f"/api/scans/{newest[0]['id']}")
    found: list[dict[str, Any]] = report["images"]
    return found


async def likeness(desk: Desk, image: dict[str, Any], wanted: bytes) -> float:
    """Correlation of the grey values of what was sent with those of this picture."""
    async with (
        ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session,
        session.get(f"{desk.extension.address}/api/images/{image['sha256']}/thumbnail") as answer,
    ):
        thumbnail = await answer.read()
    grey = [np.asarray(Image.open(io.BytesIO(data)).convert("L").resize((64, 64)), float).ravel() for data in (thumbnail, wanted)]
    return float(np.corrcoef(*grey)[0, 1])


@pytest.mark.parametrize("path", ["webgl", "far"])
async def test_webgl_is_taken_from_the_screen(desk: Desk, site: Site, path: str) -> None:
    drawn(site)
    page = await looked(desk, site.url(f"/drawn/{path}", HOST))
    await desk.says("#see-found", "1 image would be sent · 1 taken from the screen")
    assert await page.evaluate("scrollY") == 0, "the page is back where it was"
    [image] = await sent(desk, 1)
    assert (image["width"], image["height"]) == (320, 320)
    assert await likeness(desk, image, section(0)) > 0.95


async def test_what_css_shadow_roots_and_frames_show_is_taken(desk: Desk, site: Site) -> None:
    drawn(site)
    await looked(desk, site.url("/drawn/css", HOST))
    await desk.says("#see-found", f"{CSS_IMAGES} images would be sent")
    assert await desk.words("#see-missing") == ""
    assert len(await sent(desk, CSS_IMAGES)) == CSS_IMAGES


async def test_revoked_blobs_and_other_sites_pixels_are_taken_as_shown(desk: Desk, site: Site) -> None:
    drawn(site)
    await looked(desk, site.url("/drawn/revoked", HOST))
    await desk.says("#see-found", "3 images would be sent · 2 taken from the screen")
    images = await sent(desk, 3)
    for number in (1, 2, 3):
        assert max([await likeness(desk, image, section(number)) for image in images]) > 0.9


async def test_a_frame_of_another_site_is_named_before_anything_is_sent(desk: Desk, site: Site) -> None:
    drawn(site)
    before = len((await desk.extension.ask("GET", "/api/scans?limit=200"))["scans"])
    await looked(desk, site.url("/drawn/frames", HOST))
    await desk.says("#see-found", "1 image would be sent")
    await desk.says("#see-missing", f"1 frame of another site ({AWAY}")
    assert len((await desk.extension.ask("GET", "/api/scans?limit=200"))["scans"]) == before + 1, "only the page's own scan"
    await desk.press("#see-no")
    await until(lambda: desk.words("#seen"), "")


@pytest.mark.shared
@pytest.mark.skipif(not FIELD.is_dir(), reason="needs shared/corpora/field beside the checkout")
@pytest.mark.parametrize(
    ("folder", "name", "images"), [("ext_css_as_i_see_it", "w14_css.html", 7), ("ext_webgl_as_i_see_it", "w7_webgl.html", 1)]
)
async def test_what_users_of_other_tools_missed_is_taken(desk: Desk, site: Site, folder: str, name: str, images: int) -> None:
    for path in (FIELD / folder).rglob("*"):
        kind = {".html": "text/html", ".png": "image/png", ".jpg": "image/jpeg"}.get(path.suffix, "application/octet-stream")
        if path.is_file():
            site.add(f"/{folder}/{path.relative_to(FIELD / folder)}", path.read_bytes(), kind)
    await looked(desk, site.url(f"/{folder}/{name}", HOST), "case")
    await desk.says("#see-found", f"{images} image")
    assert await desk.words("#see-missing") == ""
    assert len(await sent(desk, images)) == images

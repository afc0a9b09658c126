"""What the worker itself does with a stranger's bytes: no library of images sees them, only readers do."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from tests.drawn import drawn, encoded
from tests.scan.conftest import Run
from tests.site import Site, page

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")


async def test_a_scan_opens_no_image_in_the_worker(run: Run, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a page in every format that Chromium shows, and of a broken one; the readers are other processes."""
    for number, name in enumerate(FORMATS):
        site.add(f"/{name}", encoded(drawn(180 + number, 160), name), f"image/{name.lower()}")
    site.add("/broken", encoded(drawn(), "WEBP")[:60], "image/webp")
    target = site.add("/all.html", page("".join(f'<img src="/{name}">' for name in (*FORMATS, "broken"))))

    def opened(*_: Any, **__: Any) -> None:
        raise AssertionError("an image was opened in the worker")

    monkeypatch.setattr(Image, "open", opened)
    report = await run(target)
    formats = {image["format"] for image in report["images"]}
    assert {"jpeg", "png", "webp", "avif", "gif", "bmp"} <= formats
    assert report["counts"]["skipped"].get("broken", 0) + report["counts"]["skipped"].get("unreadable", 0) >= 1

"""Files that a page offers: reported at the end, beside the images of the page, and never waited for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pymupdf
import pytest

from server.extract.browser import Browser
from server.extract.downloads import MAX_FILES
from tests.extract.conftest import Seen, look_at_files
from tests.site import Site, page, picture

IMAGE = picture(seed=37)
ATTACHED = {"Content-Disposition": 'attachment; filename="paper.pdf"'}
HandedOut = Callable[[str], Awaitable[tuple[Seen, tuple[str, ...]]]]


def pdf() -> bytes:
    document = pymupdf.open()
    document.new_page().insert_text((72, 72), "A paper")
    return bytes(document.tobytes())


@pytest.fixture
def stocked(site: Site) -> Site:
    site.add("/a.png", IMAGE, "image/png")
    site.add("/attached.pdf", pdf(), "application/pdf", ATTACHED)
    site.add("/shown.pdf", pdf(), "application/pdf")
    return site


@pytest.fixture
def handed_out(browser: Browser, stocked: Site) -> HandedOut:
    """What a page of this body shows, and the files it hands out."""

    async def look(body: str) -> tuple[Seen, tuple[str, ...]]:
        url = stocked.add("/", page(body))
        seen, files = await look_at_files(browser, url)
        return seen, tuple(file.removeprefix(url) for file in files.urls) if files else ()

    return look


@pytest.mark.parametrize(
    "body",
    [
        "<script>location.href = '/attached.pdf'</script>",
        "<meta http-equiv=refresh content='0;url=/attached.pdf'>",
        "<a id=a href=/attached.pdf download>Get it</a><script>a.click()</script>",
        "<iframe src=/attached.pdf></iframe>",
    ],
    ids=["script", "refresh", "click", "frame"],
)
async def test_a_download_that_begins_with_the_page_ends_it_promptly(body: str, handed_out: HandedOut) -> None:
    seen, files = await handed_out(body)
    assert (seen.codes, files) == ([], ("attached.pdf",))


async def test_what_the_page_shows_beside_it_is_found(handed_out: HandedOut) -> None:
    script = "<script>onload = () => setTimeout(() => { location.href = '/attached.pdf' }, 200)</script>"
    seen, files = await handed_out(f"<img src=/a.png>{script}")
    assert ([place.kind for place in seen.places(IMAGE)], seen.codes, files) == (["img"], [], ("attached.pdf",))


@pytest.mark.parametrize(
    "body",
    ["<script>location.href = '/shown.pdf'</script>", "<embed src=/shown.pdf>", "<iframe src=/shown.pdf></iframe>"],
    ids=["instead", "embed", "frame"],
)
async def test_nothing_of_the_browsers_own_viewer_is_the_pages(body: str, handed_out: HandedOut) -> None:
    seen, files = await handed_out(body)
    assert (seen.candidates, seen.skipped, files) == ([], [], ("shown.pdf",))


async def test_what_a_script_makes_is_named_too(handed_out: HandedOut) -> None:
    script = "<a id=a download=x.bin></a><script>a.href = URL.createObjectURL(new Blob(['x'])); a.click()</script>"
    _, (file,) = await handed_out(script)
    assert file.startswith("blob:http://")


async def test_only_so_many_files_are_named(handed_out: HandedOut, stocked: Site) -> None:
    for number in range(MAX_FILES + 2):
        stocked.add(f"/{number}.pdf", pdf(), "application/pdf", ATTACHED)
    _, files = await handed_out("".join(f"<iframe src=/{number}.pdf></iframe>" for number in range(MAX_FILES + 2)))
    assert len(files) == MAX_FILES

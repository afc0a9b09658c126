"""Pages of web archives, rendered by the browser from the archive alone."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network

import pytest

from server.contract.extracted import ArchivedResponse
from server.contract.records import Candidate, Found, Notice, Skipped
from server.dedupe.group import Grouper
from server.extract.browser import find_chromium
from server.extract.page_archive import PageArchive
from server.scan.archived_pages import extract_archived
from server.scan.resources import ScanResources, open_resources
from server.settings import Settings
from server.source.open import open_upload
from tests.extract.packed import zipped
from tests.extract.test_warc import warc
from tests.scan.conftest import found_in
from tests.site import Site, page, picture

ONE, TWO, THREE, FOUR = (picture("PNG", (120, 120), seed) for seed in (21, 22, 23, 24))
HOST = "https://archived.example"
HTML, PNG, OK = "text/html; charset=utf-8", "image/png", "200 OK"


@pytest.fixture
async def resources() -> AsyncIterator[ScanResources]:
    if find_chromium(Settings()) is None:
        pytest.skip("no Chromium here; `make setup` says how to get one")
    async with open_resources(Settings(allow_networks=(ip_network("127.0.0.1/32"),), page_timeout_s=20)) as opened:
        yield opened


async def scanned(resources: ScanResources, answers: list[tuple[str, str, str, bytes]]) -> list[Found]:
    return await found_in(open_upload("a.warc", warc(answers)), resources)


def remarks(found: list[Found], code: str) -> list[str]:
    return [one.message for one in found if isinstance(one, Notice) and one.code == code]


async def test_what_scripts_styles_and_frames_show_is_found_with_its_place(resources: ScanResources) -> None:
    """An image named by a script, a background, one in a frame, one that a script draws; captions come from the rendered page."""
    body = page(
        "<link rel=stylesheet href=/style.css><figure><div id=here></div><figcaption>CT of the chest</figcaption></figure>",
        "<div class=back></div><iframe src=/frame.html width=300 height=300></iframe><canvas id=c width=150 height=150></canvas>",
        "<script src=/app.js></script>",
    )
    script = b"""fetch('/list.json').then((answer) => answer.json()).then((names) => {
      const image = new Image(); image.src = names[0]; image.alt = 'a slice'; document.getElementById('here').append(image); });
      const pen = document.getElementById('c').getContext('2d');
      for (let x = 0; x < 150; x++) { pen.fillStyle = `rgb(${x}, ${255 - x}, 90)`; pen.fillRect(x, 0, 1, 150); }"""
    answers = [
        (f"{HOST}/", HTML, OK, body.encode()),
        (f"{HOST}/style.css", "text/css", OK, b".back { width: 150px; height: 150px; background: url(two.png) }"),
        (f"{HOST}/app.js", "text/javascript", OK, script),
        (f"{HOST}/list.json", "application/json", OK, b'["/one.png"]'),
        (f"{HOST}/frame.html", HTML, OK, b"<html><img src=/three.png></html>"),
        *((f"{HOST}/{name}.png", PNG, OK, data) for name, data in (("one", ONE), ("two", TWO), ("three", THREE))),
    ]
    found = await scanned(resources, answers)
    grouper = Grouper()
    for one in found:
        if isinstance(one, Candidate):
            grouper.add(str(hash(one.data)), one.place)
    assert grouper.count == 4
    [first], [second], [third] = (grouper.places(str(hash(data))) for data in (ONE, TWO, THREE))
    assert (first.kind, first.alt, first.box is not None) == ("img", "a slice", True)
    assert [text.text for text in first.texts if text.source == "caption"] == ["CT of the chest"]
    assert (second.kind, second.box is not None) == ("background", True)
    assert third.box is not None
    assert [one.place.kind for one in found if isinstance(one, Candidate) and one.data not in (ONE, TWO, THREE)] == ["canvas"]
    assert remarks(found, "not_archived") == []


async def test_nothing_is_fetched_from_the_network(resources: ScanResources) -> None:
    """The canary: a site that answers for everything that the archive lacks, and that is never asked."""
    async with Site() as site:
        lost, script = site.add_picture("/lost.png", seed=31), site.add("/lost.js", "x = 1", "text/javascript")
        site.add("/worker.js", "addEventListener('fetch', () => {})", "text/javascript")
        body = page(
            f"<img src={lost} width=100 height=100><img src={HOST}/one.png><script src={script}></script>",
            f"<link rel=prefetch href={site.url('/next.html')}><link rel=preconnect href={site.url('/')}>",
            f"<iframe src={site.url('/frame.html')}></iframe>",
            f"<script>navigator.sendBeacon('{site.url('/beacon')}', 'x'); new WebSocket('ws://127.0.0.1:{site.port}/socket');",
            "navigator.serviceWorker?.register('/worker.js').catch(() => 0);",
            f"fetch('{site.url('/data.json')}', {{method: 'POST', body: 'x'}}).catch(() => 0);</script>",
        )
        answers = [(site.url("/page.html"), HTML, OK, body.encode()), (f"{HOST}/one.png", PNG, OK, ONE)]
        found = await scanned(resources, answers)
        assert not site.hits
    assert [one.place.url for one in found if isinstance(one, Skipped)] == [lost]
    assert [one.reason for one in found if isinstance(one, Skipped)] == ["not_archived"]
    told = remarks(found, "not_archived")
    assert {lost, script} <= {message.removesuffix(": the archive does not have it") for message in told}
    assert any(isinstance(one, Candidate) and one.data == ONE and one.place.box for one in found)


async def test_redirects_and_the_other_scheme_are_followed_in_the_archive() -> None:
    with PageArchive() as archive:
        archive.add(ArchivedResponse(f"{HOST}/a", b"", location=f"{HOST}/b"))
        archive.add(ArchivedResponse(f"{HOST}/b", b"there"))
        archive.add(ArchivedResponse(f"{HOST}/round", b"", location=f"{HOST}/round"))
        assert archive.has("http://archived.example/a#part") and archive.has(f"{HOST}/b")
        assert not archive.has(f"{HOST}/round") and not archive.has(f"{HOST}/b?x=1")


@pytest.mark.parametrize(("limits", "said"), [((2, 60.0), "limit of 2 pages"), ((9, -1.0), "limit of -1 s")])
async def test_pages_beyond_a_limit_are_counted(resources: ScanResources, limits: tuple[int, float], said: str) -> None:
    with PageArchive() as archive:
        for number in range(5):
            body = page(f"<img src=/{number}.png>").encode()
            archive.add(ArchivedResponse(f"{HOST}/{number}", body, HTML, is_page=True))
            archive.add(ArchivedResponse(f"{HOST}/{number}.png", picture(seed=40 + number), PNG))
        found = [one async for one in extract_archived(archive, resources, *limits)]
    rendered = 2 if limits[0] == 2 else 0
    assert len({one.data for one in found if isinstance(one, Candidate)}) == rendered
    assert remarks(found, "too_large") == [f"{5 - rendered} pages of the archive were not rendered: {said}"]


async def test_a_wacz_renders_the_pages_that_it_lists(resources: ScanResources) -> None:
    """The other document is an advertisement's frame; data: images of the listed page are found once, with their box."""
    held = base64.b64encode(FOUR).decode()
    answers = [
        (f"{HOST}/frame", HTML, OK, page("<canvas width=200 height=200></canvas>").encode()),
        (f"{HOST}/case", HTML, OK, page(f"<img src='data:image/png;base64,{held}'>").encode()),
    ]
    listed = b'{"format": "json-pages-1.0", "id": "pages"}\n{"id": "1", "url": "' + HOST.encode() + b'/case"}\n'
    data = zipped({"datapackage.json": b"{}", "archive/data.warc.gz": warc(answers, packed=True), "pages/pages.jsonl": listed})
    found = await found_in(open_upload("a.wacz", data), resources)
    candidates = [one for one in found if isinstance(one, Candidate)]
    assert {one.data for one in candidates} == {FOUR} and any(one.place.box for one in candidates)


async def test_an_icon_as_svg_is_counted_and_no_page(resources: ScanResources) -> None:
    icon = b"<svg xmlns='http://www.w3.org/2000/svg' width='20' height='20'><rect width='9' height='9' fill='red'/></svg>"
    answers = [(f"{HOST}/", HTML, OK, page("<img src=/a.svg>").encode()), (f"{HOST}/a.svg", "image/svg+xml", OK, icon)]
    found = await scanned(resources, answers)
    assert [(one.reason, one.place.url) for one in found if isinstance(one, Skipped)] == [("too_small", f"{HOST}/a.svg")]


async def test_a_piece_of_an_archive_is_not_rendered(resources: ScanResources) -> None:
    source = replace(
        open_upload("piece.warc", warc([(f"{HOST}/", HTML, OK, page(f"<img src={HOST}/gone.png>").encode())])), piece=True
    )
    assert not remarks(await found_in(source, resources), "not_archived")

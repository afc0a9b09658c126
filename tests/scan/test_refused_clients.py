"""Sites that answer only browsers, addresses without a scheme, and passwords in addresses: through a whole scan."""

from __future__ import annotations

import json

import pymupdf
import pytest
from aiohttp import encode_basic_auth, web

from server.scan.resources import ScanResources
from server.scan.runner import ScanRunner
from server.store import scans
from server.store.database import Database
from tests.extract.field import FIELD
from tests.scan.conftest import Run
from tests.site import HTML, Site, page, picture

IMAGE = picture("JPEG", (300, 240), 21)


def pdf() -> bytes:
    document = pymupdf.open()
    document.new_page().insert_image((50, 50, 350, 290), stream=IMAGE)
    return bytes(document.tobytes())


def only_browsers(data: bytes, site: Site, path: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if "Sec-Fetch-Mode" not in request.headers:
            return web.Response(status=403, text="no programs")
        return web.Response(body=data, content_type="application/pdf")

    site.add_handler(path, answer)


async def test_a_file_refused_to_plain_clients_is_fetched_by_the_browser(run: Run, site: Site) -> None:
    only_browsers(pdf(), site, "/paper.pdf")
    report = await run(site.url("/paper.pdf"))
    assert report["status"] == "done", report["error"]
    (image,) = report["images"]
    assert image["places"][0]["kind"] == "embedded"
    assert image["places"][0]["url"] == site.url("/paper.pdf")


async def test_a_file_refused_to_all_says_so(run: Run, site: Site) -> None:
    site.add("/paper.pdf", "no", HTML, status=403)
    report = await run(site.url("/paper.pdf"))
    assert report["status"] == "failed"
    assert report["error"]["message"].endswith("the site refuses programs (403)")


async def test_an_address_without_scheme_tries_http(run: Run, site: Site) -> None:
    site.add("/paper.pdf", pdf(), "application/pdf")
    site.add("/page", page(f"<img src={site.add('/a.jpg', IMAGE, 'image/jpeg')}>"))
    for path in ("/paper.pdf", "/page"):
        report = await run(f"127.0.0.1:{site.port}{path}")
        assert report["status"] == "done", report["error"]
        assert len(report["images"]) == 1
    refused = await run(f"https://127.0.0.1:{site.port}/paper.pdf")
    assert refused["status"] == "failed", "who writes https means it"


async def test_a_password_is_used_and_neither_stored_nor_shown(database: Database, resources: ScanResources, site: Site) -> None:
    def guarded(body: bytes, kind: str) -> object:
        async def answer(request: web.Request) -> web.StreamResponse:
            if request.headers.get("Authorization") != encode_basic_auth("me", "s3cret"):
                return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
            return web.Response(body=body, headers={"Content-Type": kind})

        return answer

    site.add_handler("/a.jpg", guarded(IMAGE, "image/jpeg"))  # type: ignore[arg-type]
    site.add_handler("/page", guarded(page("<img src=/a.jpg>").encode(), HTML))  # type: ignore[arg-type]
    for path in ("/a.jpg", "/page"):
        url = site.url(path)
        scan_id = await scans.create(database, kind="page", target=url, url=url, options={})
        await ScanRunner(database, resources).run_scan(scan_id, login=("me", "s3cret"))
        report = await scans.report(database, scan_id)
        assert report.status == "done", report.error
        assert len(report.images) == 1
        assert "s3cret" not in json.dumps([report.target, *(place.url for one in report.images for place in one.image.places)])


@pytest.mark.skipif(not FIELD.is_dir(), reason="no ../shared here")
async def test_files_that_were_reported(run: Run, site: Site) -> None:
    only_browsers((FIELD / "pdf_403_bare_client" / "plain.pdf").read_bytes(), site, "/refused.pdf")
    plain = (FIELD / "content_encoding_unknown" / "plain.pdf").read_bytes()
    site.add("/utf8.pdf", plain, "application/pdf", {"Content-Encoding": "UTF-8"})
    site.add("/aws.pdf", plain, "application/pdf", {"Content-Encoding": "aws-chunked"})
    for path in ("/refused.pdf", "/utf8.pdf", "/aws.pdf"):
        report = await run(site.url(path))
        assert (report["status"], report["counts"]["by_modality"]) == ("done", {"xray": 1}), path

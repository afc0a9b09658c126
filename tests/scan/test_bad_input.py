"""Bad input ends in a clear error and loses nothing else: each kind of problem, through a whole scan."""

from __future__ import annotations

import struct
import zlib
from ipaddress import ip_network
from pathlib import Path

import pymupdf
import pytest

from server.extract import scroll
from server.scan.resources import ScanResources, open_resources
from server.scan.runner import ScanRunner
from server.settings import Settings
from server.store import scans
from server.store.database import Database
from tests.scan.conftest import Run, runner
from tests.site import Site, page, picture

SCAN = picture("PNG", (300, 240), 9)


def png_header_of(width: int, height: int) -> bytes:
    """A PNG that says it is so large, and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")


def with_a_wrong_checksum(png: bytes) -> bytes:
    at = png.index(b"IDAT") + 200
    return png[:at] + bytes((png[at] ^ 0xFF,)) + png[at + 1 :]


def pdf(pages: int = 1, **saving: object) -> bytes:
    document = pymupdf.open()
    for number in range(pages):
        document.new_page().insert_image((72, 72, 372, 312), stream=picture("JPEG", (300, 240), number + 1))
    return bytes(document.tobytes(**saving))


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("not a url", "not_a_url"),
        ("https://", "not_a_url"),
        ("file:///etc/passwd", "scheme_not_allowed"),
        ("ftp://example.org/scan.png", "scheme_not_allowed"),
        ("javascript:alert(1)", "scheme_not_allowed"),
        ("http://no-such-host.invalid/", "host_not_found"),
        ("http://10.0.0.1/", "address_not_allowed"),
        ("http://169.254.169.254/latest/meta-data/", "address_not_allowed"),
        ("http://[::ffff:10.0.0.1]/", "address_not_allowed"),
        ("http://2130706434/", "address_not_allowed"),
        ("./no-such-file.pdf", "not_found"),
    ],
)
async def test_targets_that_nothing_can_be_fetched_from(target: str, code: str, run: Run) -> None:
    report = await run(target)
    assert (report["status"], report["error"]["code"], report["images"]) == ("failed", code, [])


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/404", "http_status"),
        ("/500", "http_status"),
        ("/loop", "redirect_loop"),
        ("/html.pdf", "not_what_it_says"),
        ("/zip", "unknown_kind"),
        ("/hangup", "connection_failed"),
        ("/huge", "too_large"),
    ],
)
async def test_addresses_that_do_not_deliver(path: str, code: str, site: Site, run: Run) -> None:
    report = await run(site.url(path))
    assert (report["status"], report["error"]["code"]) == ("failed", code)
    assert path.strip("/") in report["error"]["message"]


async def test_a_body_that_never_ends_is_given_up(site: Site, run: Run) -> None:
    report = await run(site.url("/endless"))
    assert report["status"] == "failed"
    assert report["error"]["code"] in ("timed_out", "too_large")


async def test_a_redirect_to_a_closed_address_is_refused(site: Site, run: Run) -> None:
    report = await run(site.url("/redirect?to=http://127.0.0.2:1/"))
    assert (report["status"], report["error"]["code"]) == ("failed", "address_not_allowed")


async def test_a_download_dialog_is_the_file_it_offers(site: Site, run: Run) -> None:
    offered = {"Content-Disposition": 'attachment; filename="paper.pdf"'}
    report = await run(site.add("/get", pdf(), "application/octet-stream", offered))
    assert (report["status"], report["error"], report["source"]["kind"]) == ("done", None, "pdf")
    assert [image["places"][0]["page"] for image in report["images"]] == [1]


async def test_a_download_that_a_page_starts_is_read_beside_the_page(site: Site, run: Run) -> None:
    site.add("/get", pdf(), "application/octet-stream", {"Content-Disposition": 'attachment; filename="paper.pdf"'})
    site.add("/good.png", SCAN, "image/png")
    start = "<script>onload = () => setTimeout(() => { location.href = '/get' }, 100)</script>"
    report = await run(site.add("/thanks.html", page(f"<img src=/good.png>{start}", title="Your download starts")))
    assert (report["status"], report["error"], report["source"]["title"]) == ("done", None, "Your download starts")
    assert [image["places"][0]["kind"] for image in report["images"]] == ["img", "embedded"]
    assert report["images"][1]["places"][0]["url"] == site.url("/get")


@pytest.mark.parametrize("image", ["", "<img src=/good.png>"], ids=["alone", "beside an image"])
async def test_a_download_that_is_not_a_document_fails_at_once(image: str, site: Site, run: Run) -> None:
    site.add("/good.png", SCAN, "image/png")
    report = await run(site.add("/setup.html", page(f"{image}<script>onload = () => {{ location.href = '/zip' }}</script>")))
    assert (report["status"], report["error"]["code"]) == ("partial" if image else "failed", "unknown_kind")
    assert report["error"]["message"].startswith("a file that the page offers: zip is a ZIP")


@pytest.mark.parametrize("body", ["", page("<p>Nothing to see")], ids=["empty", "text"])
async def test_a_page_without_images_is_done_and_empty(body: str, site: Site, run: Run) -> None:
    report = await run(site.add("/bare.html", body))
    assert (report["status"], report["error"], report["images"]) == ("done", None, [])


@pytest.mark.parametrize("image", ["", "<img src=/good.png>"], ids=["of nothing", "of images"])
async def test_a_page_without_end_is_partial(image: str, site: Site, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scroll, "MAX_SCROLL_PX", 3000)
    site.add("/good.png", SCAN, "image/png")
    more = (
        "<script>setInterval(() => all.append(Object.assign(document.createElement('div'), {style: 'height:900px'})), 20)</script>"
    )
    report = await run(site.add("/feed.html", page(image, "<div id=all style='height:4000px'></div>", more)))
    assert (report["status"], report["error"]["code"], len(report["images"])) == ("partial", "too_large", bool(image))
    assert "goes on without end" in report["error"]["message"]


async def test_a_page_that_robots_txt_forbids_is_scanned_with_a_remark(site: Site, database: Database) -> None:
    site.add("/robots.txt", "User-agent: *\nDisallow: /", "text/plain")
    settings = Settings(allow_networks=(ip_network("127.0.0.1/32"),), robots="warn")
    async with open_resources(settings) as polite:
        report = await runner(database, polite)(site.add("/bare.html", page("<p>Nothing to see")))
    assert (report["status"], report["error"]["code"]) == ("done", "robots_disallowed")


async def test_a_pdf_that_needs_a_password(site: Site, run: Run) -> None:
    locked = pdf(encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="owner", user_pw="user")
    report = await run(site.add("/locked.pdf", locked, "application/pdf"))
    assert (report["status"], report["error"]["code"]) == ("failed", "password_protected")


async def test_a_truncated_pdf_gives_what_it_can(site: Site, run: Run) -> None:
    whole = pdf(pages=6)
    report = await run(site.add("/cut.pdf", whole[: len(whole) * 2 // 3], "application/pdf"))
    assert (report["status"], report["error"]["code"]) == ("partial", "damaged")
    assert report["images"]


@pytest.mark.parametrize(
    ("name", "data", "code", "reason"),
    [
        ("vast.png", png_header_of(50_000, 50_000), "image_too_large", "too_many_pixels"),
        ("half.jpg", picture("JPEG", (600, 500), 4)[:9_000], "damaged", "broken"),
        ("sum.png", with_a_wrong_checksum(SCAN), "damaged", "broken"),
    ],
    ids=["vast", "half", "checksum"],
)
async def test_images_that_cannot_be_read(
    name: str, data: bytes, code: str, reason: str, site: Site, run: Run, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data)
    alone = await run(str(tmp_path / name))
    assert (alone["status"], alone["error"]["code"], alone["counts"]["skipped"]) == ("failed", code, {reason: 1})
    site.add(f"/{name}", data, "image/png")
    site.add("/good.png", SCAN, "image/png")
    beside = await run(site.add("/mixed.html", page(f'<img src="/{name}" width=90 height=90><img src="/good.png">')))
    assert beside["status"] == "partial"
    assert len(beside["images"]) == 1


async def test_an_unknown_format(tmp_path: Path, run: Run) -> None:
    (tmp_path / "scan.xcf").write_bytes(b"gimp xcf file\0" + b"\0" * 500)
    report = await run(str(tmp_path / "scan.xcf"))
    assert (report["status"], report["error"]["code"]) == ("failed", "unknown_kind")


async def test_a_local_file_whose_program_died_before_it_began(database: Database, resources: ScanResources) -> None:
    scan_id = await scans.create(database, kind="image", target="./scan.png")
    await ScanRunner(database, resources).run_scan(scan_id)  # a worker, to whom its path means nothing
    report = await scans.report(database, scan_id)
    assert (report.status, report.error.code if report.error else None) == ("failed", "not_found")

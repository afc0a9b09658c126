"""Downloads from a local site that redirects, stalls and lies; each refusal has its error."""

from __future__ import annotations

import gzip
import io
import socket
import zlib
from pathlib import Path

import pytest
from aiohttp import web
from pydicom.data import get_testdata_file

from server.contract.errors import (
    AddressNotAllowed,
    ConnectionFailed,
    Damaged,
    HostNotFound,
    NotAUrl,
    NotWhatItSays,
    RedirectLoop,
    SchemeNotAllowed,
    TooLarge,
    UnknownKind,
)
from server.source import fetch
from server.source.dial import PinnedResolver
from server.source.fetch import Fetcher
from tests.site import PAGE, Site, picture
from tests.source.conftest import MAX_BYTES, Names

CT = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
PDF = b"%PDF-1.7\n" + b"x" * 20_000


async def test_a_pdf_an_image_and_a_dicom_file_are_downloaded_in_full(fetcher: Fetcher, site: Site) -> None:
    image = picture("JPEG", (300, 300))
    site.add("/scan", PDF, "application/octet-stream", {"Content-Disposition": 'attachment; filename="../a\\b/thorax.pdf"'})
    site.add("/photo.jpg", image, "text/html")
    site.add("/study", CT, "")
    pdf = await fetcher.open(site.url("/scan"))
    assert (pdf.kind, pdf.data, pdf.filename, pdf.status) == ("pdf", PDF, "thorax.pdf", 200)
    photo = await fetcher.open(site.url("/photo.jpg#part"))
    assert (photo.kind, photo.data, photo.filename) == ("image", image, "photo.jpg")
    assert photo.final_url == site.url("/photo.jpg")
    study = await fetcher.open(site.url("/study"))
    assert (study.kind, study.data) == ("dicom", CT)


async def test_of_a_page_only_the_kind_is_read(fetcher: Fetcher, site: Site) -> None:
    async def forever(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        while True:
            await response.write(b"<!doctype html><p>" + b"x" * 65536)

    site.add_handler("/forever", forever)
    site.add("/plain", "only words", "text/plain")
    site.add("/untyped", PAGE, "")
    site.add("/nothing", "", "text/html")
    for path in ("/forever", "/404", "/500", "/plain", "/untyped", "/nothing"):
        probe = await fetcher.open(site.url(path))
        assert (probe.kind, probe.data) == ("page", None), path
    assert (await fetcher.open(site.url("/404"))).status == 404


async def test_says_who_it_is_and_nothing_else(fetcher: Fetcher, site: Site) -> None:
    site.add("/b", PAGE)
    await fetcher.open(site.url("/redirect?to=/b"))
    seen = site.seen["/b"]
    assert "medlens" in seen["User-Agent"]
    assert seen["Accept-Encoding"] == "identity"
    assert not {"Referer", "Cookie", "Authorization"} & set(seen)


async def test_follows_redirects_and_checks_each_hop(fetcher: Fetcher, site: Site, inside: Site, names: Names) -> None:
    site.add("/scan.pdf", PDF, "application/pdf")
    assert (await fetcher.open(site.url("/redirect?to=/redirect%3Fto%3D/scan.pdf"))).final_url == site.url("/scan.pdf")
    names.add("intranet.example", ["127.0.0.2"])
    for target in (inside.url("/"), inside.url("/", "intranet.example"), inside.url("/", "2130706434"), "http://[::1]/"):
        with pytest.raises(AddressNotAllowed):
            await fetcher.open(site.url(f"/redirect?to={target}"))
    for target in ("file:///etc/passwd", "ftp://127.0.0.1/", "javascript:alert(1)"):
        with pytest.raises(SchemeNotAllowed):
            await fetcher.open(site.url(f"/redirect?to={target}"))
    for target in ("http://[", "http://a b/", "http://127.0.0.1:99999/"):
        with pytest.raises(NotAUrl):
            await fetcher.open(site.url(f"/redirect?to={target}"))
    assert inside.hits.total() == 0


async def test_a_redirect_may_be_written_badly(fetcher: Fetcher, site: Site) -> None:
    site.add("/Ärzte und Röntgen", PAGE)
    probe = await fetcher.open(site.url("/redirect?to=/Ärzte und Röntgen"))
    assert probe.final_url.endswith("/%C3%84rzte%20und%20R%C3%B6ntgen")


async def test_a_redirect_without_target_is_a_page(fetcher: Fetcher, site: Site) -> None:
    site.add("/nowhere", PAGE, status=302)
    assert (await fetcher.open(site.url("/nowhere"))).kind == "page"


async def test_a_name_is_resolved_once_and_dialled_where_it_was_checked(fetcher: Fetcher, site: Site, names: Names) -> None:
    names.add("rebind.example", ["127.0.0.1"], ["127.0.0.2"])
    site.add("/scan", PDF, "application/pdf")
    assert (await fetcher.open(site.url("/scan", "rebind.example"))).kind == "pdf"
    assert names.asked == ["rebind.example"]
    with pytest.raises(AddressNotAllowed):
        await fetcher.open(site.url("/scan", "rebind.example"))


async def test_only_pinned_hosts_can_be_dialled() -> None:
    with pytest.raises(OSError, match="was not checked"):
        await PinnedResolver().resolve("example.org")


async def test_a_host_that_is_not_there(fetcher: Fetcher, names: Names, site: Site) -> None:
    names.add("gone.example", [])
    with pytest.raises(HostNotFound):
        await fetcher.open("http://gone.example/")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionFailed):
            await fetcher.open(f"http://127.0.0.1:{unused.getsockname()[1]}/")
    with pytest.raises(ConnectionFailed):
        await fetcher.open(site.url("/x").replace("http:", "https:"))


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/loop", RedirectLoop),
        ("/huge", TooLarge),
        ("/endless", TooLarge),
        ("/bomb", TooLarge),
        ("/short", ConnectionFailed),
        ("/garbage", ConnectionFailed),
        ("/hangup", ConnectionFailed),
        ("/html.pdf", NotWhatItSays),
        ("/download", UnknownKind),
        ("/zip", UnknownKind),
        ("/empty", Damaged),
    ],
)
async def test_trouble_has_a_name(path: str, error: type[Exception], fetcher: Fetcher, site: Site) -> None:
    with pytest.raises(error) as refusal:
        await fetcher.open(site.url(path))
    assert refusal.type is error
    assert str(refusal.value).isprintable()


async def test_no_redirects_past_the_limit(fetcher: Fetcher, site: Site) -> None:
    with pytest.raises(RedirectLoop):
        await fetcher.open(site.url("/loop"))
    assert site.hits["/loop"] == fetch.MAX_REDIRECTS + 1


async def test_html_behind_a_pdf_link(fetcher: Fetcher, site: Site) -> None:
    site.add("/report.pdf", PAGE)
    site.add("/login", PAGE)
    for path in ("/report.pdf", "/report.PDF?x", "/redirect?to=/report.pdf"):
        site.add("/report.PDF", PAGE)
        with pytest.raises(NotWhatItSays, match="web page"):
            await fetcher.open(site.url(path))
    site.add("/report.pdf", PAGE, status=403)
    assert (await fetcher.open(site.url("/report.pdf"))).kind == "page"


async def test_compressed_answers_are_unfolded_within_the_limit(fetcher: Fetcher, site: Site) -> None:
    raw = zlib.compressobj(wbits=-15)
    coded = {"gzip": gzip.compress(PDF), "deflate": zlib.compress(PDF), "Deflate": raw.compress(PDF) + raw.flush()}
    for coding, body in coded.items():
        site.add("/coded", body, "application/pdf", {"Content-Encoding": coding})
        assert (await fetcher.open(site.url("/coded"))).data == PDF
    site.add("/coded", b"\x1f\x8b\x08 broken beyond", "application/pdf", {"Content-Encoding": "gzip"})
    with pytest.raises(Damaged):
        await fetcher.open(site.url("/coded"))
    site.add("/coded", b"%PDF", "application/pdf", {"Content-Encoding": "br"})
    with pytest.raises(NotWhatItSays):
        await fetcher.open(site.url("/coded"))
    site.add("/coded", b"page", "text/html", {"Content-Encoding": "br"})
    assert (await fetcher.open(site.url("/coded"))).kind == "page"


@pytest.mark.parametrize("coding", ["UTF-8", "aws-chunked", "gzip, UTF-8", "none"])
async def test_a_coding_that_does_not_exist_is_ignored(fetcher: Fetcher, site: Site, coding: str) -> None:
    site.add("/coded", PDF, "application/pdf", {"Content-Encoding": coding})
    assert (await fetcher.open(site.url("/coded"))).data == PDF


async def test_a_password_goes_to_its_own_host_alone(fetcher: Fetcher, site: Site) -> None:
    site.add("/scan", PDF, "application/pdf")
    probe = await fetcher.open(site.url("/scan"), ("me", "s:c"))
    assert probe.data == PDF
    assert site.seen["/scan"]["Authorization"] == "Basic bWU6czpj"
    away = site.url(f"/redirect?to={site.url('/scan', 'localhost')}")
    await fetcher.open(away, ("me", "s:c"))
    assert "Authorization" in site.seen["/redirect"]
    assert "Authorization" not in site.seen["/scan"]


async def test_exactly_the_limit_passes(fetcher: Fetcher, site: Site) -> None:
    site.add("/scan", PDF.ljust(MAX_BYTES), "application/pdf")
    assert len((await fetcher.open(site.url("/scan"))).data or b"") == MAX_BYTES
    site.add("/scan", PDF.ljust(MAX_BYTES + 1), "application/pdf")
    with pytest.raises(TooLarge, match="MAX_DOWNLOAD_BYTES"):
        await fetcher.open(site.url("/scan"))


@pytest.mark.parametrize(
    "header", ["attachment; filename", 'attachment; filename="', "attachment; filename*=UTF-8''r%C3%B6.pdf", "; ;"]
)
async def test_odd_names_do_no_harm(header: str, fetcher: Fetcher, site: Site) -> None:
    site.add("/scan", PDF, "application/pdf", {"Content-Disposition": header})
    probe = await fetcher.open(site.url("/scan"))
    assert (probe.kind, probe.filename) == ("pdf", "rö.pdf" if "UTF" in header else "scan")


async def test_a_stream_of_an_image_is_read_from_its_bytes(fetcher: Fetcher, site: Site) -> None:
    buffer = io.BytesIO(picture("WEBP"))
    site.add("/w", buffer.getvalue(), "application/octet-stream")
    assert (await fetcher.open(site.url("/w"))).kind == "image"

"""A target becomes a Source, or an error that says what to do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from server.contract.errors import Damaged, NotAUrl, NotFound, NotWhatItSays, RobotsDisallowed, TooLarge, UnknownKind
from server.settings import Settings
from server.source.fetch import Fetcher
from server.source.guard import Guard
from server.source.open import names_a_path, open_path, open_source, open_upload, walk_folder
from tests.site import PAGE, Site, page, picture

PDF = b"%PDF-1.7\n"


async def test_an_address_of_a_page_and_of_a_file(guard: Guard, settings: Settings, site: Site) -> None:
    fetcher = Fetcher(guard, settings)
    site.add("/page", PAGE)
    image = site.add_picture("/a.png")
    source = await open_source(f" {site.url('/redirect?to=/page')}#top", fetcher)
    assert (source.kind, source.url, source.data) == ("page", site.url("/redirect?to=/page"), None)
    source = await open_source(site.url("/redirect?to=/a.png"), fetcher)
    assert (source.kind, source.url, source.title, source.data) == ("image", image, "a.png", picture())
    assert source.target == site.url("/redirect?to=/a.png")
    with pytest.raises(NotAUrl):
        await open_source("no address", fetcher)


@pytest.mark.parametrize(
    ("rules", "status", "may"),
    [
        ("User-agent: *\nDisallow: /private", 200, False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: medlens\nAllow: /", 200, True),
        ("User-agent: *\nDisallow: /other", 200, True),
        ("gone", 404, True),
        ("broken", 503, False),
        ("x" * 600_000, 200, True),
    ],
)
async def test_robots(rules: str, status: int, may: bool, guard: Guard, make_settings: Callable[..., Settings], site: Site) -> None:
    url = site.add("/private/page", PAGE)
    site.add("/robots.txt", rules, "text/plain", status=status)
    assert (await open_source(url, Fetcher(guard, make_settings(robots="off")))).notice is None
    assert site.hits["/robots.txt"] == 0
    large = 1_000_000
    notice = (await open_source(url, Fetcher(guard, make_settings(robots="warn", max_download_bytes=large)))).notice
    assert (notice and (notice.code, notice.severity)) == (None if may else ("robots_disallowed", "remark"))
    obeying = Fetcher(guard, make_settings(robots="obey", max_download_bytes=large))
    if may:
        assert (await open_source(url, obeying)).notice is None
    else:
        with pytest.raises(RobotsDisallowed, match="MEDLENS_ROBOTS=warn"):
            await open_source(url, obeying)


async def test_robots_that_never_end_forbid_nothing(guard: Guard, make_settings: Callable[..., Settings], site: Site) -> None:
    url = site.add("/page", PAGE)
    site.add_handler("/robots.txt", site.handler("/stalled"))
    assert (await open_source(url, Fetcher(guard, make_settings(robots="obey", page_timeout_s=0.5)))).notice is None


def test_local_files(tmp_path: Path) -> None:
    file = tmp_path / "scan"
    file.write_bytes(PDF)
    source = open_path(file)
    assert (source.kind, source.path, source.title, source.data, source.url) == ("pdf", file, "scan", None, None)
    assert open_path(tmp_path).kind == "folder"


def test_local_trouble_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "empty.pdf").touch()
    (tmp_path / "page.pdf").write_bytes(PAGE)
    (tmp_path / "page.html").write_bytes(PAGE)
    (tmp_path / "words.txt").write_text("words")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    for name, error in (
        ("missing.pdf", NotFound),
        ("dangling", NotFound),
        ("empty.pdf/x", NotFound),
        ("x" * 300, NotFound),
        ("a\0b", NotFound),
        ("empty.pdf", Damaged),
        ("page.pdf", NotWhatItSays),
        ("page.html", UnknownKind),
        ("words.txt", UnknownKind),
        ("pipe", UnknownKind),
    ):
        with pytest.raises(error) as refusal:
            open_path(tmp_path / name)
        assert refusal.type is error


def test_uploads() -> None:
    assert open_upload("a.bin", picture()).kind == "image"
    assert open_upload("a.bin", PDF).data == PDF
    for data, error in ((b"", Damaged), (PAGE, NotWhatItSays), (b"words", UnknownKind)):
        with pytest.raises(error):
            open_upload("a.pdf", data)


def test_a_folder_is_walked_in_order_without_links_and_hidden_files(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.pdf").write_bytes(PDF)
    folder = tmp_path / "folder"
    for name in ("b/2.png", "b/1.png", "a.pdf", ".hidden.png", ".git/x.png", "notes.txt", "saved.html", "c.jpg", "d.pdf"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(PDF if name == "a.pdf" else picture() if name.endswith("png") else b"words")
    (folder / "saved.html").write_text(page("x"))
    (folder / "d.pdf").write_bytes(b"")
    (folder / "link.pdf").symlink_to(outside / "secret.pdf")
    (folder / "linked").symlink_to(outside)
    (folder / "turn").symlink_to(folder)
    found = [(str((source.path or folder).relative_to(folder)), source.kind) for source in walk_folder(folder)]
    # c.jpg and d.pdf cannot be what they promise: their readers will say so.
    assert found == [("a.pdf", "pdf"), ("c.jpg", "image"), ("d.pdf", "pdf"), ("b/1.png", "image"), ("b/2.png", "image")]


def test_a_folder_that_is_missing_or_too_full(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        list(walk_folder(tmp_path / "missing"))
    for number in range(4):
        (tmp_path / f"{number}.txt").write_text("x")
    with pytest.raises(TooLarge, match="more than 3 files"):
        list(walk_folder(tmp_path, max_files=3))


def test_paths_and_addresses_are_distinguished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report.pdf").write_bytes(PDF)
    for path in ("report.pdf", "./gone.pdf", "../x", "/x/y.png", "~/x", ".", "gone.pdf", "scans/gone.dcm", "My Scan.PNG"):
        assert names_a_path(path)
    addresses = (
        "example.org/report.pdf",
        "localhost/a.png",
        "intranet:80/a.png",
        "https://example.org",
        "gone.org",
        "intranet/gone",
    )
    for address in (*addresses, "file:///etc/passwd", "file:///a.png", "a\0b", "x" * 5000):
        assert not names_a_path(address)


def test_a_file_that_is_not_there_is_said_with_similar_names(tmp_path: Path) -> None:
    for name in ("paper-1.pdf", "paper-2.pdf", "cat.png", ".paper.pdf"):
        (tmp_path / name).write_bytes(PDF)
    with pytest.raises(NotFound, match="there is no file") as refused:
        open_path(tmp_path / "paper.pdf")
    assert str(tmp_path / "paper-1.pdf") in str(refused.value)
    assert "cat.png" not in str(refused.value)
    assert f"{tmp_path}/.paper" not in str(refused.value)
    with pytest.raises(NotFound, match=r"there is no file [^;]*$"):
        open_path(tmp_path / "none" / "paper.pdf")

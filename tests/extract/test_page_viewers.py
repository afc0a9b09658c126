"""Pages that are viewers: the file that they show is read, not the canvases on which they draw it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pymupdf
import pytest

from server.extract import downloads
from server.extract.browser import Browser
from server.extract.multipart import parts_of
from tests.extract.conftest import Seen, look_at_files
from tests.site import Site, page

DRAW = """<canvas id=c width=400 height=500></canvas><script>
  const file = new URLSearchParams(location.search).get("file") || FILE;
  fetch(file, HEADERS).then((answer) => answer.arrayBuffer()).then(() => { c.getContext("2d").fillRect(9, 9, 300, 300) });
</script>"""
Viewed = Callable[[str], Awaitable[tuple[Seen, dict[str, bytes | None]]]]


def pdf() -> bytes:
    document = pymupdf.open()
    document.new_page().insert_text((72, 72), "A paper")
    return bytes(document.tobytes())


PDF = pdf()
DICOM = bytes(128) + b"DICM" + bytes(400)


def viewer(file: str, headers: str = "{}") -> str:
    return page(DRAW.replace("FILE", repr(file)).replace("HEADERS", headers))


@pytest.fixture
def viewed(browser: Browser, site: Site) -> Viewed:
    """What a page shows, and its files: path, and their bytes if the page received them."""
    site.add("/paper.pdf", PDF, "application/pdf")
    site.add("/bare", PDF, "application/octet-stream")
    site.add("/part.pdf", PDF, "application/pdf", status=206)

    async def look(path: str) -> tuple[Seen, dict[str, bytes | None]]:
        seen, files = await look_at_files(browser, site.url(path))
        return seen, {file.removeprefix(site.url("")): files.received.get(file) for file in files.urls} if files else {}

    return look


@pytest.mark.parametrize(
    ("path", "file", "data"),
    [
        ("/viewer.html?file=paper.pdf", "/paper.pdf", PDF),
        ("/viewer.html?file=/bare", "/bare", PDF),
        ("/viewer.html?file=part.pdf", "/part.pdf", None),
        ("/frame.html", "/paper.pdf", PDF),
    ],
)
async def test_the_pdf_is_read_instead_of_its_canvases(
    viewed: Viewed, site: Site, path: str, file: str, data: bytes | None
) -> None:
    site.add("/viewer.html", viewer(""))
    site.add("/frame.html", page(f"<iframe src='{site.url('/viewer.html', 'localhost')}?file={site.url('/paper.pdf')}'></iframe>"))
    site.add("/paper.pdf", PDF, "application/pdf", {"Access-Control-Allow-Origin": "*"})
    seen, files = await viewed(path)
    assert files == {file: data}
    assert seen.candidates == [] and seen.codes == []


@pytest.mark.parametrize(
    "markup",
    [
        "<embed src=/paper.pdf type=application/pdf width=400 height=300>",
        "<object data=/paper.pdf width=400 height=300></object>",
        "<iframe src=/paper.pdf></iframe>",
        "<iframe src='/gview?embedded=true&url=/paper.pdf'></iframe>",
        "<object data=/bare type=application/pdf></object>",
    ],
)
async def test_embedded_pdfs_are_read(viewed: Viewed, site: Site, markup: str) -> None:
    site.add("/gview", page("a viewer of another site"))
    site.add("/", page(markup))
    _, files = await viewed("/")
    assert list(files) == ["/bare" if "bare" in markup else "/paper.pdf"]


async def test_dicom_files_and_volumes_that_a_viewer_fetched(viewed: Viewed, site: Site) -> None:
    site.add("/slice", DICOM, "application/octet-stream")
    site.add("/brain.nii.gz", b"\x1f\x8b" + bytes(50), "application/gzip")
    site.add("/code.wasm", b"\0asm" + bytes(500), "application/octet-stream")
    site.add("/", page("<script>['/slice', '/brain.nii.gz', '/code.wasm'].forEach((one) => fetch(one))</script>"))
    seen, files = await viewed("/")
    assert files == {"/slice": DICOM, "/brain.nii.gz": b"\x1f\x8b" + bytes(50)}
    assert seen.codes == []


def related(*parts: bytes) -> bytes:
    """A DICOMweb answer with these parts."""
    heads = (b"--b7\r\nContent-Type: application/dicom\r\n\r\n" + part + b"\r\n" for part in parts)
    return b"".join(heads) + b"--b7--\r\n"


async def test_the_dicom_files_in_a_dicomweb_answer_are_read(viewed: Viewed, site: Site) -> None:
    slices = [DICOM + bytes([number]) for number in (1, 2)]
    kind = 'multipart/related; type="application/dicom"; boundary="b7"'
    site.add("/studies/1/series/2", related(slices[0], b"a frame without a file", slices[1]), kind)
    site.add("/studies/1/frames/1", related(bytes(300)), kind.replace("dicom", "octet-stream"))
    site.add("/", page("<script>['/studies/1/series/2', '/studies/1/frames/1'].forEach((one) => fetch(one))</script>"))
    seen, files = await viewed("/")
    assert files == {"/studies/1/series/2#part=1": slices[0], "/studies/1/series/2#part=3": slices[1]}
    assert seen.codes == []


@pytest.mark.parametrize(
    ("data", "kind", "parts"),
    [
        (b"preamble\r\n" + related(b"one", b""), "multipart/related; boundary=b7", [b"one", b""]),
        (related(b"one", b"two")[:-20], "multipart/related; boundary=b7", [b"one"]),
        (b"--b7\r\nno end of headers\r\n--b7--", "multipart/related; boundary=b7", []),
        (related(b"one"), "multipart/related", []),
        (related(b"one"), "multipart/related; boundary=other", []),
        (b"", "multipart/related; boundary=b7", []),
    ],
)
def test_parts_of_damaged_answers(data: bytes, kind: str, parts: list[bytes]) -> None:
    assert list(parts_of(data, kind)) == parts


async def test_more_files_than_are_read_are_counted(viewed: Viewed, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "MAX_RECEIVED", 2)
    for number in range(5):
        site.add(f"/{number}.dcm", DICOM, "application/dicom")
    site.add("/", page("<script>for (let n = 0; n < 5; n += 1) fetch(`/${n}.dcm`)</script>"))
    seen, files = await viewed("/")
    assert len(files) == 2
    assert [(notice.severity, notice.message) for notice in seen.notices if notice.code] == [
        ("cut", "3 further files of the page are not read")
    ]


async def test_another_frames_canvas_stays(viewed: Viewed, site: Site) -> None:
    site.add("/viewer.html", viewer("/paper.pdf"))
    chart = "<canvas id=k width=300 height=200></canvas><script>k.getContext('2d').fillRect(9, 9, 99, 99)</script>"
    site.add("/", page("<iframe src=/viewer.html></iframe>", chart))
    seen, files = await viewed("/")
    assert list(files) == ["/paper.pdf"]
    assert [one.place.kind for one in seen.candidates] == ["canvas"]

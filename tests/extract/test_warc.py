"""Web archives: every image with the address it was saved from and what its page says, from the archive alone."""

from __future__ import annotations

import base64
import gzip

import pytest

from server.contract.errors import Damaged, DocumentError
from server.contract.extracted import InnerFile
from server.contract.records import Notice
from server.extract.html_images import MAX_ADDRESSES, addresses_of
from server.source.open import open_upload
from tests.extract.packed import codes, images, read_as, reasons, zipped
from tests.site import picture

ONE, TWO, THREE = (picture("PNG", (120, 120), seed) for seed in (1, 2, 3))
HELD = base64.b64encode(THREE).decode()
PAGE = f"""<html><head><title>Case 7</title></head><body><h2>Chest</h2><p>Before it</p>
<figure><img src="img/one.png" alt="a film"><figcaption>X-ray of the chest</figcaption></figure>
<img src="data:image/png;base64,{HELD}"></body></html>""".encode()
ANSWERS = [
    ("https://a.example/case/", "text/html", "200 OK", PAGE),
    ("https://a.example/case/img/one.png", "image/png", "200 OK", ONE),
    ("https://b.example/two.png?x=1", "image/png", "200 OK", TWO),
    ("https://b.example/gone.png", "image/png", "404 Not Found", TWO),
    ("https://b.example/paper.pdf", "application/pdf", "200 OK", b"%PDF-1.4\n"),
    ("https://b.example/style.css", "text/css", "200 OK", b"body {}"),
]


def warc(answers: list[tuple[str, str, str, bytes]] = ANSWERS, packed: bool = False) -> bytes:
    """A WARC of these answers; packed, each record is a gzip member of its own."""
    records = [record("warcinfo", "", b"software: a test\r\n")]
    for url, kind, status, data in answers:
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n".encode()
        records.append(record("response", url, head + data))
    return b"".join(gzip.compress(one) if packed else one for one in records)


def record(kind: str, url: str, body: bytes) -> bytes:
    fields = {
        "WARC-Type": kind,
        "WARC-Record-ID": "<urn:uuid:00000000-0000-0000-0000-000000000000>",
        "WARC-Date": "2026-01-02T03:04:05Z",
        "Content-Type": "application/http; msgtype=response" if kind == "response" else "application/warc-fields",
        "Content-Length": str(len(body)),
    } | ({"WARC-Target-URI": url} if url else {})
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"WARC/1.0\r\n{head}\r\n".encode() + body + b"\r\n\r\n"


def wacz() -> bytes:
    return zipped({"datapackage.json": b"{}", "archive/data.warc.gz": warc(packed=True), "pages/pages.jsonl": b"{}"})


@pytest.mark.parametrize(("name", "data"), [("a.warc", warc()), ("a.warc.gz", warc(packed=True)), ("a.wacz", wacz())])
async def test_images_have_their_address_and_what_stands_beside_them(name: str, data: bytes) -> None:
    assert open_upload(name, data).kind == open_upload("no name", data).kind == "web_archive"
    found = await read_as(name, data)
    assert [(one.data, one.place.url) for one in images(found)] == [
        (ONE, "https://a.example/case/img/one.png"), (TWO, "https://b.example/two.png?x=1"), (THREE, "https://a.example/case/")
    ]  # fmt: skip
    place = images(found)[0].place
    assert place.alt == "a film"
    said = {text.source: text.text for text in place.texts}
    assert said == {"caption": "X-ray of the chest", "heading": "Chest", "paragraph": "Before it"}
    [inner] = [one for one in found if isinstance(one, InnerFile)]
    assert inner.place.url == "https://b.example/paper.pdf"
    assert any(isinstance(one, Notice) and one.title == "Case 7" for one in found)
    [remark] = [one for one in found if isinstance(one, Notice) and one.code]
    assert (remark.code, remark.severity, remark.message[:2]) == ("left_out", "remark", "1 ")


async def test_other_sizes_and_lazy_images_have_the_texts_too() -> None:
    """`srcset`, `picture`, and images that scripts load in place of a placeholder."""
    body = """<figure><picture><source srcset="/a.webp 1x, /a2.webp 2x"><img src=/a.jpg alt="a film"></picture>
      <figcaption>Chest</figcaption></figure>
      <img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-src=/lazy.png data-srcset="/lazy-1.png 300w,/lazy-2.png 600w"
      alt="a slice">"""
    names = {"a.webp": "a film", "a2.webp": "a film", "a.jpg": "a film"} | dict.fromkeys(
        ("lazy.png", "lazy-1.png", "lazy-2.png"), "a slice"
    )
    pictures = [(f"https://a.example/{name}", "image/png", "200 OK", picture("PNG", seed=n)) for n, name in enumerate(names, 7)]
    found = images(await read_as("a.warc", warc([("https://a.example/", "text/html", "200 OK", body.encode()), *pictures])))
    alts = {one.place.url.rpartition("/")[2]: one.place.alt for one in found if one.place.url and one.place.url[-1] != "/"}
    assert alts == names
    captions = [text.text for one in found for text in one.place.texts if text.source == "caption"]
    assert captions == ["Chest"] * 3


@pytest.mark.parametrize(
    ("srcset", "addresses"),
    [
        ("a.png", ("a.png",)), ("a.png 1x, b.png 2x", ("a.png", "b.png")), ("a.png 300w,b.png 600w", ("a.png", "b.png")),
        ("w_300,h_200/a.png 300w, w_600,h_400/a.png 600w", ("w_300,h_200/a.png", "w_600,h_400/a.png")),
        ("a.png, b.png", ("a.png", "b.png")),
        ("data:image/png;base64,AAAA 1x, b.png 2x", ("data:image/png;base64,AAAA", "b.png")), (" , ", ()), ("", ()),
    ],
)  # fmt: skip
def test_addresses_of_a_srcset(srcset: str, addresses: tuple[str, ...]) -> None:
    assert addresses_of({"srcset": srcset}) == addresses
    assert addresses_of({"src": "x", "srcset": srcset}) == ("x", *addresses)
    assert len(addresses_of({"srcset": ", ".join(f"{n}.png {n}w" for n in range(1000))})) == MAX_ADDRESSES


async def test_number_bytes_and_ratio_are_bounded() -> None:
    found = await read_as("a.warc", warc(), {"max_entries": 2})
    assert ([one.data for one in images(found)], codes(found)) == ([ONE], ["too_large"])
    bomb = warc([*ANSWERS[:2], ("https://b.example/bomb.png", "image/png", "200 OK", bytes(60_000_000))], packed=True)
    found = await read_as("a.warc.gz", bomb)
    assert ([one.data for one in images(found)], reasons(found)) == ([ONE], ["too_large"])


@pytest.mark.parametrize("kept", [0.4, 0.9])
@pytest.mark.parametrize("packed", [False, True])
async def test_an_archive_that_breaks_off_gives_what_it_can(packed: bool, kept: float) -> None:
    data = warc(packed=packed)
    try:
        found = await read_as("a.warc", data[: int(len(data) * kept)])
    except DocumentError as error:
        assert isinstance(error, Damaged)
    else:
        assert images(found)


async def test_a_wacz_without_an_archive_is_damaged() -> None:
    with pytest.raises(Damaged, match="no WARC"):
        await read_as("a.wacz", zipped({"datapackage.json": b"{}"}))

"""The bytes of a file tell its kind; its name does not."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from server.contract.errors import UnknownKind
from server.contract.records import SourceKind
from server.kinds.page import looks_like_page
from server.kinds.registry import kind_by_name
from server.source.kind import SNIFF_BYTES, sniff
from server.source.open import open_upload
from tests.extract.packed import tarred, zipped
from tests.site import page, picture

# Elements without types, as the oldest DICOM files have them: instance, date, time, modality.
_ELEMENTS = ((b"\x18", b"1.2.3\0"), (b"\x20", b"20260101"), (b"\x30", b"1200"), (b"\x60", b"CT"))
BARE = b"".join(b"\x08\0" + tag + b"\0" + len(value).to_bytes(4, "little") + value for tag, value in _ELEMENTS)


OTHER_KINDS = [
    ("archive", "x", zipped({"a.png": b"x"})),
    ("archive", "x", b"PK\x05\x06".ljust(22, b"\0")),
    ("archive", "x", tarred({"a.png": b"x"})),
    ("archive", "x", gzip.compress(tarred({"a.png": b"x"}))),
    ("archive", "x", bz2.compress(b"x")),
    ("archive", "x", lzma.compress(b"x")),
    ("archive", "x", b"\x28\xb5\x2f\xfd\x04"),
    ("document", "x", zipped({"[Content_Types].xml": b"x", "ppt/presentation.xml": b"x"})),
    ("document", "x", zipped({"mimetype": b"application/epub+zip"})),
    ("document", "x", zipped({"mimetype": b"application/vnd.oasis.opendocument.text"})),
    ("document", "x.pptx", zipped({"ppt/presentation.xml": b"x"})),
    ("web_archive", "x", b"WARC/1.0\r\n"),
    ("web_archive", "x", gzip.compress(b"WARC/1.1\r\n")),
    ("web_archive", "x.wacz", zipped({"archive/data.warc.gz": b"x"})),
    ("web_archive", "x", zipped({"datapackage.json": b"{}"})),
    ("volume", "x", bytes(344) + b"n+1\0"),
    ("volume", "x", gzip.compress(bytes(344) + b"n+1\0")),
    ("volume", "x", b"\x1c\x02\0\0n+2\0\r\n\x1a\n"),
    ("volume", "x", b"NRRD0004\n"),
    ("volume", "x", b"ObjectType = Image\nNDims = 3\n"),
    ("slide", "x.svs", b"II*\0\x10\0\0\0"),
    ("slide", "x.NDPI", b"II*\0\x10\0\0\0"),
    ("slide", "x", b"II+\0\x08\0\0\0Aperio Image Library v11"),
    ("slide", "x", b"ZISRAWFILE\0"),
    ("image", "x.svs", b"\xff\xd8\xff\xe0"),
    ("image", "x", b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'>"),
]


@pytest.mark.parametrize(("kind", "name", "data"), OTHER_KINDS)
def test_the_other_kinds(kind: str, name: str, data: bytes) -> None:
    assert open_upload(name, data).kind == kind


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
def test_images_as_pillow_writes_them(format: str) -> None:
    assert sniff(picture(format), "called.pdf") == "image"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.4\n", "pdf"),
        (b"\n\n junk %PDF-1.4\n", "pdf"),
        (page("hello %PDF-1.4").encode(), "page"),
        (b"<br />\n<b>Warning</b>: no such row<br />\n%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type/Catalog>>", "pdf"),
        (b"<br />".ljust(1025) + b"%PDF-1.4\n1 0 obj\n<</Type/Catalog>>", "page"),
        (b"<html>" + b"%PDF-1.4\n1 0 obj\n&lt;&lt;/Type/Catalog&gt;&gt;", "page"),
        (b"<p>%PDF-1.4\n" + b"% %" * 1200, "page"),
        (b"\xef\xbb\xbf \r\n<!-- a -->\n<!DOCTYPE HTML>", "page"),
        (b"<?xml version='1.0'?><!-- x --><svg xmlns='x'>", "page"),
        (page("hello").encode("utf-16"), "page"),
        (b"<HTML\n>", "page"),
        (bytes(128) + b"DICM", "dicom"),
        (b"%PDF-1.4".ljust(128) + b"DICM", "dicom"),
        (b"\x08\0\x05\0CS\x0a\0ISO_IR 100", "dicom"),
        (b"II+\0", "image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "image"),
        (b"\xff\x4f\xff\x51\0\x29", "image"),
        (b"\xff\x0a\x7f", "image"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "image"),
        (BARE, "dicom"),
    ],
)
def test_tells_the_kind(data: bytes, kind: str) -> None:
    assert sniff(data, None) == kind


def test_dicom_files_of_pydicom() -> None:
    for name in ("CT_small.dcm", "MR_small.dcm", "ExplVR_BigEndNoMeta.dcm", "ExplVR_LitEndNoMeta.dcm", "rtplan.dcm"):
        assert sniff(Path(str(get_testdata_file(name))).read_bytes(), name) == "dicom"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"PK\x03\x04", "ZIP"),
        (b"%!PS-Adobe", "PostScript"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video"),
        (b"just words", "text"),
        (b"BMW builds cars", "text"),
        (b"\0\x01\x02", "unknown"),
    ],
)
def test_says_what_it_is_instead(data: bytes, said: str) -> None:
    with pytest.raises(UnknownKind, match=said):
        sniff(data, "thing")


@pytest.mark.parametrize(("name", "kind"), [("a.PDF", "pdf"), ("x/y.jpeg", "image"), ("z.dcm", "dicom"), ("q", None), (None, None)])
def test_names_promise(name: str | None, kind: str | None) -> None:
    assert kind_by_name(name) == kind


@given(st.binary(max_size=200), st.none() | st.text(max_size=10))
def test_any_bytes_have_a_kind_or_a_reason(data: bytes, name: str | None) -> None:
    try:
        assert sniff(data, name) in get_args(SourceKind)
    except UnknownKind as error:
        assert str(error)


@given(st.integers(0, 2**32))
def test_a_page_of_open_comments_is_read_at_once(seed: int) -> None:
    noise = zlib.crc32(str(seed).encode()) % 7 * b"<!-- "
    assert not looks_like_page((noise + b"<!--" * 3).ljust(SNIFF_BYTES * 4, b" "))
    assert not looks_like_page(b"<?xml " * SNIFF_BYTES)


def test_hostile_files_have_a_kind_or_a_reason(shared: Path) -> None:
    kinds = dict.fromkeys((*get_args(SourceKind), "none"), 0)
    for file in [*(shared / "corpora/images").iterdir(), *(shared / "corpora/pdf").iterdir()]:
        with file.open("rb") as opened:
            try:
                kinds[sniff(opened.read(SNIFF_BYTES), file.name)] += 1
            except UnknownKind:
                kinds["none"] += 1
    assert kinds["pdf"] > 500
    assert kinds["image"] > 800

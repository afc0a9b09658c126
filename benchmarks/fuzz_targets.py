"""The targets of fuzzing.py: everything that reads strangers' bytes or addresses in Python, and the seeds of each.

A target takes bytes. It returns or raises a MedlensError; any other exception is a fault. Addresses are compared with ada, the URL
parser of Node.js, which follows the WHATWG standard as browsers do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import ada_url
import numpy as np
from yarl import URL

from server.contract.records import SourceKind
from server.extract.data_url import decode_data_url
from server.imaging.size import size_of
from server.kinds.kind import HEAD_BYTES
from server.kinds.registry import BY_NAME
from server.sandbox.protocol import MAX_HEADER, Frame, encode
from server.source.address import normalise
from server.source.forward import read_authority, read_target
from server.source.kind import sniff
from server.source.sitemap import parsed
from tests.drawn import drawn, encoded
from tests.extract.dicoms import made
from tests.extract.packed import tarred, zipped
from tests.extract.test_document import book, deck
from tests.extract.test_volume import meta, nifti, nrrd_bytes
from tests.extract.test_warc import wacz, warc

Target = Callable[[bytes], object]
MAX_PIXELS = 1_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")


class Frames:
    """The child's end of a pipe whose parent sends one file and takes every frame that it would accept."""

    def __init__(self, job: dict[str, Any], data: bytes) -> None:
        self._asked: Frame | None = (job, data)

    def receive(self) -> Frame | None:
        asked, self._asked = self._asked, None
        return asked

    def send(self, header: Mapping[str, Any], _: bytes | memoryview = b"") -> None:
        assert len(encode(header, 0)) <= MAX_HEADER, "the parent refuses this frame"


def read_address(data: bytes) -> None:
    """The normal form is stable, has no login, and a browser reads the same host and port from it."""
    written = normalise(data.decode("utf-8", "surrogateescape"))
    url, browser = URL(written, encoded=True), ada_url.URL(written)
    assert normalise(written) == written, written
    assert url.scheme in ("http", "https") and "@" not in url.raw_authority, written
    assert browser.hostname.strip("[]") == url.raw_host, (written, browser.hostname)
    assert browser.port == ("" if url.is_default_port() else str(url.port)), written


def read_proxied(data: bytes) -> None:
    """The proxy checks the host and port that a browser reads from the target of the request."""
    text = data.decode("latin-1")
    (host, port), path = read_target(text)
    browser = ada_url.URL(text)
    assert (browser.hostname.rstrip("."), browser.port or "80") == (host, str(port)), text
    assert path.startswith(b"/"), text


def read_tunnel(data: bytes) -> None:
    host, port = read_authority(data.decode("latin-1"))
    assert read_authority(f"{host}:{port}") == (host, port)


def read_size(data: bytes) -> None:
    size = size_of(data)
    assert size is None or min(size) > 0


def read_data_url(data: bytes) -> None:
    with suppress(ValueError):  # its error by name
        decode_data_url(data.decode("latin-1"))


def reader(name: SourceKind) -> Target:
    """What the child does with a file of a kind, with the limits of the kind."""
    kind = BY_NAME[name]
    limits = {"max_pixels": MAX_PIXELS, "min_side": 1, "texts": True, "name": "file", "first_page": 0, **kind.limits}
    serve = import_module(kind.worker).serve
    return lambda data: serve(Frames(limits, data))


def _volumes() -> list[bytes]:
    values = np.arange(8 * 9 * 10, dtype=np.int16).reshape(8, 9, 10)
    return [nifti(values), nrrd_bytes(values), meta(values), meta(values, packed=True)]


def _pictures() -> list[bytes]:
    return [encoded(drawn(40, 30), name) for name in FORMATS]


def _packed() -> dict[str, bytes]:
    return {"a/b.png": encoded(drawn(40, 30), "PNG"), "c.txt": b"text"}


# For each target, seeds that are drawn here, and patterns of files of the corpora; a .txt is a list with an address on each line.
TARGETS: dict[str, tuple[Target, Callable[[], list[bytes]], tuple[str, ...]]] = {
    "address": (read_address, lambda: [b"http://example.org/a?b=c"], ("ssrf/urls.txt",)),
    "proxied target": (read_proxied, lambda: [b"http://example.org:8080/a?b", b"http://[::1]/"], ("ssrf/urls.txt",)),
    "tunnel": (read_tunnel, lambda: [b"example.org:443", b"[::1]:80"], ()),
    "size": (read_size, _pictures, ("images/*",)),
    "kind": (lambda data: sniff(data[:HEAD_BYTES], None), _pictures, ("images/*", "field/*/*")),
    "sitemap": (
        lambda data: parsed(data, "https://example.org/sitemap.xml"),
        lambda: [b"<urlset><url><loc>https://example.org/a</loc></url></urlset>", b"https://example.org/a\n"],
        (),
    ),
    "data URL": (read_data_url, lambda: [b"data:image/png;base64,iVBORw0KGgo=", b"data:image/svg+xml,%3Csvg/%3E"], ()),
    "image": (reader("image"), _pictures, ("images/*",)),
    "dicom": (reader("dicom"), lambda: [made(), made(frames=3)], ("field/dcm*/*",)),
    "archive": (reader("archive"), lambda: [zipped(_packed()), tarred(_packed())], ()),
    "document": (reader("document"), lambda: [deck(), book("<p>A</p>")], ()),
    "volume": (reader("volume"), _volumes, ()),
    "web archive": (reader("web_archive"), lambda: [warc(), warc(packed=True), wacz()], ()),
}


def write_seeds(name: str, corpora: Path, folder: Path, most_bytes: int) -> None:
    """Write the seeds of a target into a folder; files of the corpora with more than `most_bytes` are left out."""
    _, draw, patterns = TARGETS[name]
    found = draw()
    for path in (path for pattern in patterns for path in sorted(corpora.glob(pattern)) if path.is_file()):
        if path.suffix == ".txt":
            found += [line.partition("\t")[2].encode() for line in path.read_text(encoding="utf-8").splitlines()]
        elif path.stat().st_size <= most_bytes:
            found.append(path.read_bytes())
    for number, data in enumerate(found):
        (folder / f"seed{number}").write_bytes(data)

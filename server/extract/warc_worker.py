"""Reads a web archive in the child of server/sandbox/child.py: every response that is an image, a PDF, another file or a page.

Here pages are read without a browser: their HTML has the texts beside images, and images in data: addresses. Nothing is loaded or
run. If there are pages, every response is also sent as `archived`, so that the parent can render them (page_archive.py). readers.py
describes the frames; `url` of an image is the address that it was saved from.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urljoin

from warcio.archiveiterator import ArchiveIterator

from server.contract.errors import Damaged, MedlensError
from server.contract.records import SourceKind
from server.extract.data_url import decode_data_url
from server.extract.html_images import NamedImage, images_of
from server.extract.shown import texts
from server.extract.unpacking import Bounded, Bounds, EntryBounded, Zip, errors_as_damaged
from server.imaging.signature import is_image
from server.kinds.kind import HEAD_BYTES
from server.kinds.registry import kind_of
from server.sandbox.protocol import Pipe

# Images in data: addresses of one archive that are read.
MAX_DATA_IMAGES = 500
_OK = "200"
_REDIRECTS = ("301", "302", "303", "307", "308")
# The list of its pages in a WACZ: JSON lines.
_LIST = "pages/pages.jsonl"
HTML = ("text/html", "application/xhtml+xml")
_TIFF = (b"II*\0", b"MM\0*")


@dataclass(frozen=True, slots=True)
class Response:
    url: str
    data: bytes
    mime: str
    location: str | None = None  # to which it redirects

    @property
    def kind(self) -> SourceKind | None:
        """The kind by the first bytes; else `page` if the server called it HTML: pages may begin with any tag or text."""
        found = kind_of(self.data[:HEAD_BYTES], self.url.partition("?")[0])
        return found or ("page" if self.mime.partition(";")[0].strip().lower() in HTML else None)


def serve(pipe: Pipe) -> None:
    if (request := pipe.receive()) is None:
        return
    job, data = request
    pipe.send({"page": 1})
    beside, title, data_images, pages = _pages(data, job)
    if title:
        pipe.send({"title": title})
    others: Counter[str] = Counter()
    try:
        for response in _responses(data, job):
            if pages:
                header = {"mime": response.mime, "location": response.location, "is_page": response.url in pages}
                pipe.send({"archived": response.url, **header}, response.data)
            if response.location is None:
                _send(pipe, response, beside.get(response.url), bool(job.get("texts")), others)
        for page, image in data_images:
            if (found := _data_image(image.address)) is not None:
                pipe.send({"image": None, **_place(page, image, bool(job.get("texts")))}, found)
    except Bounded as error:
        pipe.send({"skip": "too_large", "detail": str(error), "page": None, "box": None})
        pipe.send({"notice": "too_large", "message": str(error)})
    if others:
        count = f"{others.total()} responses in the archive are neither images nor pages nor files of a kind that is read"
        pipe.send({"notice": "left_out", "message": count, "severity": "remark"})
    pipe.send({"end": True})


def _send(pipe: Pipe, response: Response, beside: NamedImage | None, with_texts: bool, others: Counter[str]) -> None:
    kind = response.kind
    place = _place(response.url, beside, with_texts)
    if is_image(response.data) and not response.data.startswith(_TIFF):
        pipe.send({"image": None, **place}, response.data)
    elif kind not in (None, "page"):
        pipe.send({"file": response.url, **place}, response.data)
    elif kind is None:
        others["other"] += 1


def _place(url: str, image: NamedImage | None, with_texts: bool) -> dict[str, Any]:
    place: dict[str, Any] = {"page": None, "box": None, "url": url}
    if image is not None:
        place["alt"] = image.alt
        if with_texts:
            place["texts"] = list(texts(image.heading, image.caption, image.before))
    return place


def _pages(data: bytes, job: dict[str, Any]) -> tuple[dict[str, NamedImage], str, list[tuple[str, NamedImage]], set[str]]:
    """The texts beside each image by its address, the first page's title, the images that pages contain in data: addresses, and
    the addresses of the pages: those that the archive lists, or all if it has no list.
    """
    beside: dict[str, NamedImage] = {}
    title, held = "", []
    pages: set[str] = set()
    try:
        for response in _responses(data, job):
            if response.kind != "page" or response.location is not None:
                continue
            if not response.mime.startswith("image/"):  # SVG
                pages.add(response.url)
            page = images_of(response.data.decode("utf-8", "replace"))
            title = title or page.title
            for image in page.images:
                if image.address.startswith("data:"):
                    held.append((response.url, image))
                for address in image.addresses:
                    if not address.startswith("data:"):
                        beside.setdefault(_joined(response.url, address), image)
    except MedlensError:  # reported when the responses themselves are read
        pass
    return beside, title, held[:MAX_DATA_IMAGES], pages & _listed(data, job) or pages


def _listed(data: bytes, job: dict[str, Any]) -> set[str]:
    """The addresses of the pages that a WACZ lists; none for other archives, and for lists that cannot be read."""
    if not data.startswith(b"PK"):
        return set()
    try:
        lines = Zip.open(data, job).read(_LIST).splitlines()
        return {str(entry["url"]) for entry in map(json.loads, filter(None, lines)) if isinstance(entry, dict) and "url" in entry}
    except (KeyError, ValueError, MedlensError):
        return set()


def _responses(data: bytes, job: dict[str, Any]) -> Iterator[Response]:
    """The successful responses of all parts of the archive. Raises Bounded, Damaged."""
    if data.startswith(b"PK"):
        packed = Zip.open(data, job)
        parts = [name for name in packed.names if name.startswith("archive/") and ".warc" in name]
        if not parts:
            raise Damaged("the WACZ holds no WARC")
        bounds = packed.bounds
        for name in parts:
            yield from _of_warc(packed.read(name), bounds)
        return
    yield from _of_warc(data, Bounds(job, len(data)))


def _of_warc(data: bytes, bounds: Bounds) -> Iterator[Response]:
    with errors_as_damaged("the web archive breaks off"):
        for record in ArchiveIterator(BytesIO(data)):
            if record.rec_type not in ("response", "resource"):
                continue
            headers = record.http_headers
            status = headers.get_statuscode() if headers is not None else _OK
            url = record.rec_headers.get_header("WARC-Target-URI") or ""
            if status in _REDIRECTS:
                bounds.count()
                yield Response(url, b"", "", _joined(url, headers.get_header("Location") or ""))
            if status != _OK:
                continue
            bounds.count()
            try:
                mime = (headers or record.rec_headers).get_header("Content-Type") or ""
                yield Response(url, bounds.read(record.content_stream(), url), mime)
            except EntryBounded as error:
                raise Bounded(str(error)) from None


def _joined(base: str, address: str) -> str:
    try:
        return urljoin(base, address)
    except ValueError:
        return address


def _data_image(address: str) -> bytes | None:
    try:
        data = decode_data_url(address)[1]
    except ValueError:
        return None
    return data if is_image(data) else None

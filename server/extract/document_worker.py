"""Reads an office document or an electronic book in the child of server/sandbox/child.py: its images, with the texts beside them.

Each is a ZIP of XML and media (docs/decisions/kinds-of-files.md says why no library for each format is used). ooxml.py, odf.py and
epub.py find the places of the media; media without a place, such as those of a slide's master, come last. readers.py describes the
frames; `page` is the number of the slide or chapter.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from server.contract.errors import Damaged, MedlensError
from server.extract import epub, odf, ooxml
from server.extract.shown import Shown
from server.extract.unpacking import Bounded, EntryBounded, Zip
from server.imaging.signature import is_image
from server.kinds.kind import HEAD_BYTES
from server.kinds.page import looks_like_svg
from server.kinds.registry import kind_of
from server.sandbox.protocol import Pipe

# Folders in which the formats store media, searched for media without a place.
MEDIA = (
    "ppt/media/",
    "word/media/",
    "xl/media/",
    "Pictures/",
    "media/",
    "images/",
    "OEBPS/",
    "EPUB/",
    "OPS/",
    "ppt/embeddings/",
    "word/embeddings/",
)
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def serve(pipe: Pipe) -> None:
    if (request := pipe.receive()) is None:
        return
    job, data = request
    _Reader(pipe, Zip.open(data, job), bool(job.get("texts"))).run()


class _Reader:
    def __init__(self, pipe: Pipe, packed: Zip, with_texts: bool) -> None:
        self._pipe, self._packed, self._with_texts = pipe, packed, with_texts
        self._kept: dict[str, int | None] = {}

    def run(self) -> None:
        self._pipe.send({"page": 1})
        try:
            title, shown = _contents(self._packed)
            if title:
                self._pipe.send({"title": title})
            for one in shown:
                self._send(one)
            for name in self._packed.names:
                if name not in self._kept and name.startswith(MEDIA):
                    self._send(Shown(name))
        except Bounded as error:
            self._skip("too_large", str(error), Shown(""))
            self._pipe.send({"notice": "too_large", "message": str(error)})
        self._pipe.send({"end": True})

    def _send(self, shown: Shown) -> None:
        place: dict[str, Any] = {"page": shown.page, "box": None, "alt": shown.alt}
        if self._with_texts:
            place["texts"] = list(shown.texts)
        if (number := self._kept.get(shown.name)) is not None:
            self._pipe.send({"again": number, **place})
            return
        if shown.name not in self._packed.infos:
            if not shown.name.startswith(("http:", "https:")) and shown.name:
                self._skip("unreadable", f"{shown.name} is missing from the document", shown)
            return
        first = shown.name not in self._kept
        self._kept.setdefault(shown.name, None)
        try:
            self._packed.bounds.count()
            data = self._packed.read(shown.name)
        except Bounded:
            raise
        except MedlensError as error:
            reason = "too_large" if isinstance(error, EntryBounded) else "unreadable"
            self._skip(reason, f"{shown.name}: {error}", shown)
            return
        if is_image(data) and not data.startswith(_TIFF):
            self._kept[shown.name] = number = len(self._kept)
            self._pipe.send({"image": number, **place}, data)
        elif (kind := kind_of(data[:HEAD_BYTES], shown.name)) not in (None, "page") or looks_like_svg(data):
            self._pipe.send({"file": shown.name, **place}, data)
        elif kind is None and first and shown.page is not None:
            self._skip("unknown_format", f"{PurePosixPath(shown.name).name} is of a format that is not read", shown)

    def _skip(self, reason: str, detail: str, shown: Shown) -> None:
        self._pipe.send({"skip": reason, "detail": detail, "page": shown.page, "box": None})


def _contents(packed: Zip) -> tuple[str, Iterator[Shown]]:
    """The title and the places of images, in order. Raises Damaged for a ZIP that has none of the formats."""
    names = set(packed.names)
    if "[Content_Types].xml" in names:
        return ooxml.title(packed), ooxml.shown(packed)
    if "META-INF/container.xml" in names and "content.xml" not in names:
        return epub.contents(packed)
    if "content.xml" in names:
        return odf.title(packed), odf.shown(packed)
    raise Damaged("the file is called a document and is not one")

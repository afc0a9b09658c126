"""Reads a PDF in the child of server/sandbox/child.py, page by page; each image is sent as soon as it is read.

server/extract/readers.py describes the frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pymupdf import mupdf

from server.contract.errors import Damaged, ImageTooLarge
from server.contract.records import Box
from server.extract import pdf_encode, pdf_tiles
from server.extract.pdf_attached import attached_files, notes_with_files, read_attached
from server.extract.pdf_draws import Draw, around, draws_of
from server.extract.pdf_figures import MAX_REGIONS, Region, figures_of, render
from server.extract.pdf_open import is_cut, open_pdf, page_count
from server.extract.pdf_salvage import lost_images, unloadable
from server.extract.pdf_text import PageText
from server.imaging.decode import to_png
from server.sandbox.protocol import Pipe

# Pages that are read. A thesis has 400, an atlas 1,500; a page tree with more repeats pages.
MAX_PAGES = 3000
# Images and skips reported of one document. Far above MEDLENS_MAX_IMAGES, so that the counts of the Report are right.
MAX_IMAGES = 20_000
# Bytes of images that the parent keeps for repeated use (a logo on every page is sent once). Further images are sent each time.
KEPT_BYTES = 64 * 1024 * 1024


def serve(pipe: Pipe) -> None:
    asked = pipe.receive()
    if asked is None:
        return
    job, data = asked
    _Reader(pipe, job, data).run()


class _Reader:
    def __init__(self, pipe: Pipe, job: dict[str, Any], data: bytes) -> None:
        self._pipe, self._data = pipe, data
        self._max_pixels, self._min_side = int(job["max_pixels"]), int(job["min_side"])
        self._with_texts = bool(job.get("texts"))
        self._first, self._first_try = int(job["first_page"]), int(job["first_page"]) == 0
        self._attachments, self._attached_bytes = int(job["max_attachments"]), int(job["max_attached_bytes"])
        self._notes: list[tuple[Any, int]] = []
        self._kept: dict[bytes, int] = {}
        self._kept_bytes = 0
        self._reported = 0
        self._seen: set[bytes] = set()
        self._tried: set[int] = set()  # object numbers of images that pdf_salvage.py has tried to load

    def run(self) -> None:
        document = open_pdf(self._data)
        if self._first_try:
            self._pipe.send({"title": (document.metadata or {}).get("title") or ""})
        unread = 0
        promised = page_count(document)
        pages = min(promised or 0, MAX_PAGES)
        for number in range(self._first, pages):
            self._pipe.send({"page": number + 1})
            try:
                page = document.load_page(number)
                self._read(page, number + 1)
            except ConnectionError:
                raise
            except Exception as error:  # MuPDF's bindings raise anything; one page must not end the others
                unread += 1
                problem = str(error) or type(error).__name__
            if self._reported >= MAX_IMAGES:
                self._notice("too_large", f"only the first {MAX_IMAGES} images are read")
                break
        if promised and promised > MAX_PAGES:
            self._notice("too_large", f"only the first {MAX_PAGES} of {promised} pages are read")
        cut = document.is_repaired and is_cut(self._data)
        lost = promised is None or (document.is_repaired and not pages)
        if unread or cut or lost:
            self._salvage(document)
        if lost and not self._reported:
            raise Damaged("the PDF has lost its pages")
        if cut:
            self._notice("damaged", "the file breaks off; what could be read is shown")
        elif unread:
            self._notice("damaged", f"{unread} of {pages} pages could not be read: {problem[:200]}")
        elif lost:
            self._notice("damaged", "the file has lost its pages; what images it has are shown")
        self._send_attached(document)
        self._pipe.send({"end": True})

    def _read(self, page: Any, number: int) -> None:
        self._notes += [(spec, number) for spec in notes_with_files(page)]
        pdf_encode.take_warnings()
        drawn = draws_of(page)
        if pdf_encode.take_warnings():
            for problem in unloadable(page, self._tried):
                self._skip("unreadable", problem, {"page": number, "box": None})
        text = PageText(page) if self._with_texts else None
        regions, inside = figures_of(page, drawn)
        draws = [draw for index, draw in enumerate(drawn.draws) if index not in inside]
        for group in pdf_tiles.join([draw.tile for draw in draws]):
            parts = [draws[index] for index in group]
            box = around([part.tile for part in parts])
            place = {"page": number, "box": box}
            if _beside(box, page.rect):
                self._skip("off_page", "it lies outside the page", place)
            else:
                self._send(parts, place, text)
            if self._reported >= MAX_IMAGES:
                return
        self._send_regions(page, regions, number, text)
        if drawn.stopped:
            self._skip("too_many", "the page draws more images than are read", {"page": number, "box": None})

    def _send_regions(self, page: Any, regions: list[Region], number: int, text: PageText | None) -> None:
        """Render and send regions without an image object. A region that fails is skipped with the error."""
        for region in regions[:MAX_REGIONS]:
            place: dict[str, Any] = {"page": number, "box": region.box}
            try:
                image = render(page, region)
            except Exception as error:  # as for pages: one region must not end the others
                self._skip("unreadable", str(error)[:200] or type(error).__name__, place)
                continue
            if image is None:
                continue
            if min(image.size) < self._min_side:
                self._skip("too_small", "", place)
                continue
            if text is not None:
                left, top, right, bottom = region.edges
                place["texts"] = text.beside((left, top, right, bottom))
            self._pipe.send({"image": None, **place}, to_png(image))
            self._reported += 1
        if len(regions) > MAX_REGIONS:
            self._skip("too_many", "the page draws more figures than are rendered", {"page": number, "box": None})

    def _send_attached(self, document: Any) -> None:
        """Send the attached files to the parent, which reads each as a source of its own. Files over a limit are skipped."""
        left = self._attached_bytes
        for number, file in enumerate(attached_files(document, self._notes)):
            place = {"page": file.page, "box": None}
            if number >= self._attachments:
                self._skip("too_many", f"only the first {self._attachments} attached files are read", place)
                return
            try:
                data = read_attached(document, file, left)
            except (RuntimeError, mupdf.FzErrorBase) as error:
                self._skip("unreadable", f"{file.name}: {str(error)[:200]}", place)
                continue
            if data is None:
                self._skip("too_large", f"{file.name}: the attached files have more bytes than are read", place)
                continue
            left -= len(data)
            self._pipe.send({"file": file.name, **place}, data)
            self._reported += 1

    def _salvage(self, document: Any) -> None:
        """Send images that no readable page draws."""
        for image in lost_images(document):
            draw = Draw(image, (image.w(), 0, 0, image.h(), 0, 0))
            mark = pdf_encode.fingerprint([draw])
            if mark is None or mark not in self._seen:
                self._send([draw], {"page": None, "box": None})

    def _send(self, parts: list[Draw], place: dict[str, Any], text: PageText | None = None) -> None:
        tiles = [part.tile for part in parts]
        shown = min(pixel_size(tiles))
        if shown < self._min_side:
            self._skip("too_small", "", place)
            return
        if text is not None:
            x, y, width, height = place["box"]
            place = {**place, "texts": text.beside((x, y, x + width, y + height))}
        try:
            mark = pdf_encode.fingerprint(parts)
            if mark is not None and len(parts) == 1:
                self._seen.add(mark)
            if mark is not None and mark in self._kept:
                self._pipe.send({"again": self._kept[mark], **place})
                self._reported += 1
                return
            data = pdf_encode.encode(parts, self._max_pixels)
        except ImageTooLarge as error:
            self._skip("too_many_pixels", str(error), place)
        except Damaged as error:
            self._skip("broken", str(error), place)
        except MemoryError:
            self._skip("unreadable", "decoding it needs more memory than the reader may have", place)
        except ConnectionError:
            raise
        except Exception as error:  # as above: one image must not end the others
            self._skip("unreadable", str(error)[:200] or type(error).__name__, place)
        else:
            keep = None
            if mark is not None and self._kept_bytes + len(data) <= KEPT_BYTES:
                keep = self._kept[mark] = len(self._kept)
                self._kept_bytes += len(data)
            self._pipe.send({"image": keep, **place}, data)
            self._reported += 1

    def _skip(self, reason: str, detail: str, place: dict[str, Any]) -> None:
        self._pipe.send({"skip": reason, "detail": detail, **place})
        self._reported += 1

    def _notice(self, code: str, message: str) -> None:
        self._pipe.send({"notice": code, "message": message})


def _beside(box: Box, page: Any) -> bool:
    """Whether a box lies entirely outside the page, a pymupdf rectangle."""
    x, y, width, height = box
    return bool(x >= page.x1 or y >= page.y1 or x + width <= page.x0 or y + height <= page.y0)


def pixel_size(tiles: list[pdf_tiles.Tile]) -> Iterator[float]:
    """Width and height in pixels of the image that the tiles form."""
    if len(tiles) == 1:
        yield from (tiles[0].width, tiles[0].height)
        return
    _, _, wide, high = around(tiles)
    yield wide * max(tile.width / (tile.right - tile.left) for tile in tiles)
    yield high * max(tile.height / (tile.bottom - tile.top) for tile in tiles)

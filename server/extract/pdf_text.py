"""Finds the texts for an image of a PDF page: its caption, the text next to it, and the page's heading.

Boxes are corners (left, top, right, bottom) in points from the page's top left corner. Runs in the PDF child.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from server.contract.records import TextSource
from server.extract.captions import is_caption

Corners = tuple[float, float, float, float]

MAX_BLOCKS = 400  # text blocks of a page that are read; a newspaper's page has some 150
# Of a page's drawing instructions. A page of a book has some 20 kB; pages with more are maps or plans, whose text is slow to read.
MAX_CONTENT_BYTES = 8_000_000
TEXT_CHARS = 600  # of one text, as on web pages (collect.js)
# Points between an image and the text next to it: four lines. A caption may be further away, below the other rows of its figure.
NEXT_TO = 48.0
# Largest distance between two lines of a caption, in sizes of its letters, from half a letter above the end of the first line.
LINE_GAP = 1.6
# Characters that make a text part of the page's running text, which ends the search for a caption beyond it.
RUNNING = 200
HEADING_RATIO = 1.15  # size of a heading's letters in relation to the page's usual ones
LEAST_HEADING, HEADING_CHARS = 3, 150
SIZE_STEP = 20  # characters that count as one in the median of letter sizes


@dataclass(frozen=True, slots=True)
class Block:
    """A block of text on the page. `size`: of its letters, in points. `is_caption`: it begins like the caption of a figure."""

    box: Corners
    text: str
    size: float
    is_caption: bool


class PageText:
    """The text of one page, read on first use. If it cannot be read, the page has no text, and its images are still judged."""

    def __init__(self, page: Any) -> None:
        self._page = page

    @cached_property
    def _blocks(self) -> Sequence[Block]:
        try:
            if len(self._page.read_contents()) > MAX_CONTENT_BYTES:
                return ()
            return tuple(_joined(_blocks_of(self._page)))
        except Exception:  # whatever MuPDF's bindings raise, including MemoryError
            return ()

    @cached_property
    def _captions(self) -> Sequence[Block]:
        return [block for block in self._blocks if block.is_caption]

    @cached_property
    def _headings(self) -> Sequence[Block]:
        """Short lines in letters larger than the page's usual ones."""
        sizes = [block.size for block in self._blocks for _ in range(0, len(block.text), SIZE_STEP)]
        least = statistics.median(sizes) * HEADING_RATIO if sizes else 0.0
        return [
            block
            for block in self._blocks
            if block.size >= least and LEAST_HEADING <= len(block.text) <= HEADING_CHARS and not block.is_caption
        ]

    def beside(self, image: Corners) -> list[tuple[TextSource, str]]:
        """The texts for an image with these corners: pairs of source and text, at most one for each source."""
        found: list[tuple[TextSource, str]] = []
        caption = self._caption(image)
        near = caption or self._next_to(image)
        heading = self._heading(image)
        if near is not None:
            found.append(("caption" if caption else "paragraph", near.text[:TEXT_CHARS]))
        if heading is not None and heading is not near:
            found.append(("heading", heading.text[:TEXT_CHARS]))
        return found

    def _caption(self, image: Corners) -> Block | None:
        """The nearest caption below, else above or beside the image, without running text in between.

        Below, a caption in the image's columns is preferred to one beside them: a short caption is under the first image of a row.
        """
        below = [block for block in self._captions if block.box[1] >= image[3] - 2 and _apart(image, block.box) <= NEXT_TO]
        nearest = min(below, key=lambda block: (not _over(image, block.box), block.box[1]), default=None)
        if nearest is not None and not self._between(image[3], nearest.box[1], image):
            return nearest
        return self._caption_elsewhere(image)

    def _caption_elsewhere(self, image: Corners) -> Block | None:
        above = [block for block in self._captions if block.box[3] <= image[1] + 2 and _over(image, block.box)]
        beside = [block for block in self._captions if _level(image, block.box)]
        near = [block for block in above if image[1] - block.box[3] <= NEXT_TO and not self._between(block.box[3], image[1], image)]
        return min([*near, *beside], key=lambda block: _distance(image, block.box), default=None)

    def _between(self, top: float, bottom: float, image: Corners) -> bool:
        """Whether there is running text between two heights, in the image's columns."""
        return any(
            len(block.text) >= RUNNING
            and not block.is_caption
            and block.box[1] >= top - 2
            and block.box[3] <= bottom + 2
            and _over(image, block.box)
            for block in self._blocks
        )

    def _next_to(self, image: Corners) -> Block | None:
        """The nearest text within NEXT_TO; one below is preferred by NEXT_TO / 2."""
        near = [block for block in self._blocks if _distance(image, block.box) <= NEXT_TO and not _inside(block.box, image)]
        return min(
            near, key=lambda block: _distance(image, block.box) + (0 if block.box[1] >= image[3] - 2 else NEXT_TO / 2), default=None
        )

    def _heading(self, image: Corners) -> Block | None:
        """Of the headings above the image the one in the largest letters (the lowest of several), else the page's largest."""
        above = [block for block in self._headings if block.box[3] <= image[1] + 2]
        if above:
            return max(above, key=lambda block: (round(block.size), block.box[1]))
        return max(self._headings, key=lambda block: block.size, default=None)


def _joined(blocks: Iterable[Block]) -> Iterator[Block]:
    """Join the blocks of a caption, up to the end of its sentence: MuPDF makes a block of each line if lines are far apart."""
    caption: Block | None = None
    for block in blocks:
        if caption is not None and _goes_on(caption, block):
            (left, top, right, _), (other_left, _, other_right, bottom) = caption.box, block.box
            box = min(left, other_left), top, max(right, other_right), bottom
            caption = Block(box, f"{caption.text} {block.text}", caption.size, True)
            continue
        if caption is not None:
            yield caption
        caption = block if block.is_caption else None
        if caption is None:
            yield block
    if caption is not None:
        yield caption


def _goes_on(caption: Block, block: Block) -> bool:
    below = 0 <= block.box[1] - caption.box[3] + caption.size / 2 <= LINE_GAP * caption.size
    alike = abs(block.size - caption.size) < 0.5 and not block.is_caption and _over(caption.box, block.box)
    return below and alike and not caption.text.endswith(".") and len(caption.text) < TEXT_CHARS


def _blocks_of(page: Any) -> Iterator[Block]:
    """Text blocks in the page's own order; the first line of a caption starts a new block."""
    content = page.get_text("dict", flags=0)
    for block in content["blocks"][:MAX_BLOCKS]:
        lines = [line for line in block.get("lines", ()) if any(span["text"].strip() for span in line["spans"])]
        parts: list[list[Any]] = []
        for line in lines:
            if not parts or is_caption("".join(span["text"] for span in line["spans"])):
                parts.append([])
            parts[-1].append(line)
        for part in parts:
            text = " ".join(" ".join("".join(span["text"] for span in line["spans"]) for line in part).split())
            spans = [(span["size"], len(span["text"])) for line in part for span in line["spans"]]
            boxes = [line["bbox"] for line in part]
            box = min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)
            yield Block(box, text, max(spans, key=lambda span: span[1])[0], is_caption(text))


def _over(image: Corners, box: Corners) -> bool:
    """Whether image and box overlap horizontally."""
    return min(image[2], box[2]) > max(image[0], box[0])


def _apart(image: Corners, box: Corners) -> float:
    """Horizontal distance in points; 0 or less if image and box overlap horizontally."""
    return max(box[0] - image[2], image[0] - box[2])


def _level(image: Corners, box: Corners) -> bool:
    """Whether image and box are side by side, within NEXT_TO."""
    return min(image[3], box[3]) > max(image[1], box[1]) and _apart(image, box) <= NEXT_TO


def _inside(box: Corners, image: Corners) -> bool:
    return box[0] >= image[0] and box[1] >= image[1] and box[2] <= image[2] and box[3] <= image[3]


def _distance(image: Corners, box: Corners) -> float:
    across = max(_apart(image, box), 0.0)
    down = max(box[1] - image[3], image[1] - box[3], 0.0)
    return across + down

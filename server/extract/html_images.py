"""Finds the images that HTML names, without a browser, for the chapters of books and the pages of web archives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = ("p", "li", "td", "div", *_HEADINGS)
_UNREAD = ("script", "style", "noscript", "template")
# Images that are read of one page; pages with more are lists.
MAX_IMAGES = 5000
# Addresses of one image; pages name up to a dozen sizes.
MAX_ADDRESSES = 40
# Attributes with one address, in the order in which the first is taken, and those with a list of sizes.
_ADDRESS = ("src", "data-src", "data-original", "data-lazy-src", "data-lazy", "xlink:href", "href")
_SIZES = ("srcset", "data-srcset", "data-lazy-srcset")
# Candidates of a srcset end with a comma after white space or a size; data: addresses have commas in them.
_CANDIDATE = re.compile(r"([^\s,]\S*?)(?:,(?=\s)|,?$|\s+[^,]*(?:,|$))")


@dataclass(slots=True)
class NamedImage:
    """An image that a page names: its address as written there, and the texts beside it.

    `addresses`: all that the page names for it, `address` first: other sizes and formats, and those from which scripts load it.
    """

    address: str
    alt: str | None = None
    heading: str = ""
    before: str = ""
    caption: str = ""
    addresses: tuple[str, ...] = ()


@dataclass(slots=True)
class NamedImages:
    title: str = ""
    images: list[NamedImage] = field(default_factory=list)


def images_of(html: str) -> NamedImages:
    """Title and images of a page, in document order."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    return parser.found


def addresses_of(attributes: Mapping[str, str]) -> tuple[str, ...]:
    """Every address that a tag names for its image, the first one that browsers take first; at most MAX_ADDRESSES."""
    single = [attributes[name].strip() for name in _ADDRESS if attributes.get(name)]
    sizes = [match[1] for name in _SIZES for match in _CANDIDATE.finditer(attributes.get(name, ""))]
    return tuple(dict.fromkeys((*single, *sizes)))[:MAX_ADDRESSES]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = NamedImages()
        self._open: list[str] = []
        self._text: list[str] = []
        self._heading = self._before = ""
        self._in_figure: list[NamedImage] = []
        self._sources: list[NamedImage] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in _UNREAD:
            self._open.append(tag)
        if tag in _BLOCKS or tag in ("figcaption", "title"):
            self._text = []
        if tag == "figure":
            self._in_figure = []
        if tag == "picture":
            self._sources = []
        if tag in ("img", "image", "source", "input") and len(self.found.images) < MAX_IMAGES:
            self._add(tag, addresses_of(values), values.get("alt") or None)

    def _add(self, tag: str, addresses: tuple[str, ...], alt: str | None) -> None:
        """Add the image of a tag. The sources of a `picture` are other formats of its `img`, which has the alternative text."""
        if not addresses:
            return
        image = NamedImage(addresses[0], alt, self._heading, self._before, addresses=addresses)
        self.found.images.append(image)
        self._in_figure.append(image)
        if tag == "source":
            self._sources.append(image)
        else:
            for source in self._sources:
                source.alt = source.alt or alt
            self._sources = []

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()
        text = " ".join("".join(self._text).split())
        if tag == "title":
            self.found.title = self.found.title or text
        elif tag in _HEADINGS:
            self._heading = text
        elif tag == "figcaption":
            for image in self._in_figure:
                image.caption = text
        elif tag == "figure":
            self._in_figure = []
        elif tag == "picture":
            self._sources = []
        elif tag in _BLOCKS and text:
            self._before = text

    def handle_data(self, data: str) -> None:
        if not self._open:
            self._text.append(data)

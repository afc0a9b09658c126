"""Finds the images that HTML names, without a browser, for the chapters of books and the pages of web archives."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = ("p", "li", "td", "div", *_HEADINGS)
_UNREAD = ("script", "style", "noscript", "template")
# Images that are read of one page; pages with more are lists.
MAX_IMAGES = 5000


@dataclass(slots=True)
class NamedImage:
    """An image that a page names: its address as written there, and the texts beside it."""

    address: str
    alt: str | None = None
    heading: str = ""
    before: str = ""
    caption: str = ""


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


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = NamedImages()
        self._open: list[str] = []
        self._text: list[str] = []
        self._heading = self._before = ""
        self._in_figure: list[NamedImage] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in _UNREAD:
            self._open.append(tag)
        if tag in _BLOCKS or tag in ("figcaption", "title"):
            self._text = []
        if tag == "figure":
            self._in_figure = []
        if tag in ("img", "image", "source", "input") and len(self.found.images) < MAX_IMAGES:
            address = values.get("src") or values.get("data-src") or values.get("xlink:href") or values.get("href")
            address = address or values.get("srcset", "").split(",")[0].strip().partition(" ")[0]
            if address:
                image = NamedImage(address.strip(), values.get("alt") or None, self._heading, self._before)
                self.found.images.append(image)
                self._in_figure.append(image)

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
        elif tag in _BLOCKS and text:
            self._before = text

    def handle_data(self, data: str) -> None:
        if not self._open:
            self._text.append(data)

"""Recognises web pages and SVG drawings by their first bytes. Pages have no Kind: the browser opens them at their address."""

from __future__ import annotations

import re

from server.kinds.kind import HEAD_BYTES

EXTENSIONS = (".htm", ".html", ".xhtml", ".svg")
# Leading white space, XML declaration, comments and doctype, then a tag that begins a page (WHATWG MIME sniffing, and SVG).
_AHEAD = rb"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*"
_PAGE = re.compile(
    _AHEAD + rb"<(?:!doctype\s+(?:html|svg)|html|head|body|title|meta|script|style|iframe|table|div|svg|h1|p|br|a|b|font)[\s>/]",
    re.IGNORECASE | re.DOTALL,
)
_SVG = re.compile(_AHEAD + rb"(?:<!doctype\s+svg[^>]*>\s*(?:<!--.*?-->\s*)*)?<(?:svg:)?svg[\s>]", re.IGNORECASE | re.DOTALL)


def looks_like_page(data: bytes) -> bool:
    return bool(_PAGE.match(_text(data)))


def looks_like_svg(data: bytes) -> bool:
    return bool(_SVG.match(_text(data)))


def _text(data: bytes) -> bytes:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data[: 2 * HEAD_BYTES].decode("utf-16", "replace").encode()
    return data.removeprefix(b"\xef\xbb\xbf")[:HEAD_BYTES]

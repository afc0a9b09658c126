"""Where an image stands in the original: the address that opens the page or document there, and a name for the image."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from server.contract.records import Place, SourceKind
from server.contract.verdict import Context

# Words of a caption that name its place on the page; more would have to agree letter by letter with what the page shows.
FRAGMENT_WORDS = 8
NAME_CHARS = 80
# Texts that a reader sees on the page, so that a text fragment can find them there.
VISIBLE = ("caption", "heading", "link")


def original_of(kind: SourceKind, url: str | None, place: Place | None, context: Context | None) -> str | None:
    """The address that opens a web page at the image's caption, or a PDF at its page; None if there is no http address."""
    if not url or kind not in {"page", "pdf"}:
        return None
    try:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            return None
    except ValueError:
        return None
    fragment = ""
    if kind == "pdf":
        fragment = f"page={place.page}" if place and place.page else ""
    elif context is not None and context.source in VISIBLE and (words := context.quote.replace("…", " ").split()):
        # A text directive ends at "," and "&", and "-" joins it with a prefix.
        text = quote(" ".join(words[:FRAGMENT_WORDS]), safe="").replace("-", "%2D")
        fragment = f":~:text={text}"
    return urlunsplit(parts._replace(fragment=fragment or parts.fragment))


def image_name(places: Iterable[Place], sha256: str) -> str:
    """What to call an image: its alternative text, else its file name, else the beginning of its hash."""
    known = tuple(places)
    for place in known:
        if place.alt and (alt := " ".join(place.alt.split())):
            return alt if len(alt) <= NAME_CHARS else f"{alt[: NAME_CHARS - 1]}…"
    for place in known:
        if file := file_name(place.url):
            return file
    return sha256[:12]


def file_name(address: str | None) -> str:
    """The last part of an address's path, readable; empty if it has none, or is data: and the like."""
    try:
        parts = urlsplit(address or "")
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https", ""}:
        return ""
    return unquote(parts.path.rstrip("/").rpartition("/")[2], errors="replace")[:NAME_CHARS]

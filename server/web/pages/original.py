"""Where an image stands in the original: the address that opens the page or document there."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit

from server.contract.records import Place, SourceKind
from server.contract.verdict import Context

# Words of a caption that name its place on the page; more would have to agree letter by letter with what the page shows.
FRAGMENT_WORDS = 8
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

"""What to call a scan and an image."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from server.contract.records import Place

NAME_CHARS = 80  # of an image: one line


def name_of(title: str | None, target: str) -> str:
    """The title of a scan, else its target."""
    return (title or "").strip() or target


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

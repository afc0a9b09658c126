"""Lets through what may be an image worth judging, and counts the rest: icons, trackers' pixels, and all over the limit.

Reads no more than an image's header; bytes that no header explains go on, to be named downstream. Texts of pages end here as plain
text of bounded length: whatever a page calls its images, nothing behind has to mind. Knows no browser.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable

from server.contract.errors import MedlensError
from server.contract.records import Candidate, Found, Place, Skipped, SkipReason
from server.imaging.decode import read_header
from server.settings import Settings

MAX_REFUSED = 5000  # a page can ask for pixels without end; a count this high says all there is to say
MAX_ALT = 500  # characters; a sentence or two tells what stands there
MAX_URL = 2000  # characters; longer ones carry data rather than name a place
# Unicode categories that print nothing but mislead: control, format (text direction), surrogates (no UTF-8), private use.
UNPRINTABLE = frozenset(("Cc", "Cf", "Cs", "Co"))


class CandidateFilter:
    """Gives each image to `emit` as often as it is offered, but counts and refuses each only once."""

    def __init__(self, settings: Settings, emit: Callable[[Found], None]) -> None:
        self._settings = settings
        self._emit = emit
        self._taken: set[bytes] = set()
        self._refused: set[tuple[SkipReason, str | bytes]] = set()

    @property
    def full(self) -> bool:
        return len(self._taken) >= self._settings.max_images

    @property
    def taken(self) -> int:
        """How many different images went through."""
        return len(self._taken)

    def offer(self, data: bytes, place: Place) -> bool:
        """Emit a Candidate, or a Skipped (too_small, too_many). Returns whether the image went through."""
        digest = hashlib.sha256(data).digest()
        if digest not in self._taken:
            if self._is_small(data):
                self.refuse("too_small", place, key=digest if place.url is None or place.url.startswith("data:") else place.url)
                return False
            if self.full:
                self.refuse("too_many", place, key=digest)
                return False
            self._taken.add(digest)
        self._emit(Candidate(data, place))
        return True

    def refuse(self, reason: SkipReason, place: Place, detail: str = "", key: str | bytes | None = None) -> None:
        """Emit a Skipped once per reason and `key` (the place's address unless given)."""
        name = (reason, key if key is not None else place.url or "")
        if name not in self._refused and len(self._refused) < MAX_REFUSED:
            self._refused.add(name)
            self._emit(Skipped(reason, place, detail))

    def _is_small(self, data: bytes) -> bool:
        if not data:  # what trackers answer
            return True
        try:
            header = read_header(data)
        except MedlensError:
            return False
        return min(header.width, header.height) < self._settings.min_image_side


def plain(text: str | None, limit: int = MAX_ALT) -> str | None:
    """One line of printable text of at most `limit` characters, None when nothing is left."""
    if not text:
        return None
    kept = "".join(" " if char.isspace() else char for char in text[: 4 * limit] if char.isspace() or _prints(char))
    return " ".join(kept.split())[:limit] or None


def _prints(char: str) -> bool:
    return unicodedata.category(char) not in UNPRINTABLE


def address(url: str) -> str:
    """The address of a place: without fragment, of a `data:` address only its type, cut at MAX_URL."""
    return (url.partition(",")[0] if url.startswith("data:") else url.partition("#")[0])[:MAX_URL]

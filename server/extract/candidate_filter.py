"""The candidate filter of a page: passes images on, and refuses icons, tracking pixels and images beyond the limit on their number.

Only the size is read from an image's bytes, without a library. Images whose size cannot be read pass; the decoder reports what is
wrong with them. Texts of pages are made plain and bounded here, so that later stages need not clean them.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable

from server.contract.records import Candidate, Found, Place, Skipped, SkipReason
from server.imaging.size import size_of
from server.settings import Settings

MAX_REFUSED = 5000  # a page can load any number of tracking pixels, and a higher count is of no use
MAX_ALT = 500  # characters; one or two sentences describe an image
MAX_URL = 2000  # characters; longer ones carry data
# Unicode categories that are not printed: control, format (such as text direction), surrogates (no UTF-8), private use.
UNPRINTABLE = frozenset(("Cc", "Cf", "Cs", "Co"))


class CandidateFilter:
    """Passes an accepted image to `emit` each time it is offered, but counts it, or refuses it, only once."""

    def __init__(self, settings: Settings, emit: Callable[[Found], None]) -> None:
        self._settings = settings
        self._emit = emit
        self._accepted: set[bytes] = set()
        self._refused: set[tuple[SkipReason, str | bytes]] = set()

    @property
    def full(self) -> bool:
        return len(self._accepted) >= self._settings.max_images

    def offer(self, data: bytes, place: Place) -> bool:
        """Emit a Candidate, or a Skipped (too_small, too_many). Returns whether the image passed."""
        digest = hashlib.sha256(data).digest()
        if digest not in self._accepted:
            if self._is_small(data):
                self.refuse("too_small", place, key=digest if place.url is None or place.url.startswith("data:") else place.url)
                return False
            if self.full:
                self.refuse("too_many", place, key=digest)
                return False
            self._accepted.add(digest)
        self._emit(Candidate(data, place))
        return True

    def refuse(self, reason: SkipReason, place: Place, detail: str = "", key: str | bytes | None = None) -> None:
        """Emit a Skipped, once for each reason and `key` (by default the place's address)."""
        name = (reason, key if key is not None else place.url or "")
        if name not in self._refused and len(self._refused) < MAX_REFUSED:
            self._refused.add(name)
            self._emit(Skipped(reason, place, detail))

    def _is_small(self, data: bytes) -> bool:
        if not data:  # as trackers answer
            return True
        size = size_of(data)
        return size is not None and min(size) < self._settings.min_image_side


def plain(text: str | None, limit: int = MAX_ALT) -> str | None:
    """One line of printable text of at most `limit` characters, None when nothing is left."""
    if not text:
        return None
    kept = "".join(" " if char.isspace() else char for char in text[: 4 * limit] if char.isspace() or _prints(char))
    return " ".join(kept.split())[:limit] or None


def _prints(char: str) -> bool:
    return unicodedata.category(char) not in UNPRINTABLE


def address(url: str) -> str:
    """The address as a Place has it: without fragment, at most MAX_URL characters; of a `data:` address only the media type."""
    return (url.partition(",")[0] if url.startswith("data:") else url.partition("#")[0])[:MAX_URL]

"""Recognises the addresses of tiles: zoom viewers number their tiles by level, row and column."""

from __future__ import annotations

import re

IIIF = re.compile(r"^(https?://.+?)/(?:\d+,\d+,\d+,\d+|pct:[\d.,]+|square)/[^/]+/!?\d+/\w+\.(jpg|png|webp)$", re.IGNORECASE)
_VIEWER = (
    r"_files/\d+/\d+_\d+\.\w+$",  # Deep Zoom
    r"/TileGroup\d+/\d+-\d+-\d+\.\w+$",  # Zoomify
    r"/\d+,\d+,\d+,\d+/[^/]+/!?\d+/\w+\.\w+$",  # IIIF
)
_NUMBERED = (
    r"/\d+/\d+/-?\d+(?:@\dx)?\.\w+$",  # level, column, row, as maps have them
    r"(?:^|[/_-])[a-z]{0,6}\d+[_,x-][a-z]{0,6}\d+\.\w+$",  # 0_0.jpg, tile-r0-c1.png
    r"[?&](?:x|col)=\d+.*&(?:y|row)=\d+",
)
VIEWER_TILE = re.compile("|".join(_VIEWER), re.IGNORECASE)
TILE = re.compile("|".join((*_VIEWER, *_NUMBERED)), re.IGNORECASE)


def iiif_whole(url: str) -> str | None:
    """The address of the whole image for the address of an IIIF tile, None for other addresses."""
    found = IIIF.match(url)
    return f"{found[1]}/full/max/0/default.jpg" if found else None

"""Whole-slide images of pathology scanners (SVS, NDPI, SCN, BIF and other formats that OpenSlide opens from one file)."""

from __future__ import annotations

from server.kinds.kind import Kind, extension

# TIFF and BigTIFF, in both byte orders. Scanners write TIFFs, which only their names and descriptions tell from other TIFFs.
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ZEISS = b"ZISRAWFILE"
EXTENSIONS = (".svs", ".ndpi", ".scn", ".bif", ".svslide", ".czi")
DESCRIPTIONS = (b"Aperio Image Library", b"www.leica-microsystems.com/scn/")
# Tiles with tissue that are read of one slide: enough to see every kind of tissue, few enough to take seconds.
TILES = 16
# Tiles that are read to find those with tissue; on a slide of mostly glass more would not find any.
MAX_TILES_READ = 64
# Pixels of a tile's side, at the highest resolution: about 0.25 to 0.5 mm of tissue.
TILE_SIDE = 1024
# Pixels of the thumbnail's longer side.
THUMBNAIL_SIDE = 1024


def _matches(head: bytes, name: str) -> bool:
    return head.startswith(_ZEISS) or extension(name) in EXTENSIONS or any(words in head for words in DESCRIPTIONS)


KIND = Kind(
    "slide",
    "whole-slide image (SVS, NDPI)",
    "server.extract.slide_worker",
    "frame",
    EXTENSIONS,
    ((0, _ZEISS), *((0, mark) for mark in _TIFF)),
    _matches,
    limits={"tiles": TILES, "max_tiles_read": MAX_TILES_READ, "tile_side": TILE_SIDE, "thumbnail_side": THUMBNAIL_SIDE},
    by_path=True,
    package="openslide",
)

"""Image files: those that server/imaging/decode.py opens, and HEIC, JPEG XL and JPEG 2000, which their reader turns into PNG."""

from __future__ import annotations

from server.imaging.signature import is_image, is_tiff, needs_conversion
from server.kinds.kind import Kind

EXTENSIONS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff")
CONVERTED = (".heic", ".heif", ".jxl", ".jp2", ".j2k", ".jpx", ".jpf")


def _matches(head: bytes, _: str) -> bool:
    return is_image(head) or needs_conversion(head)


def _is_whole(data: bytes) -> bool:
    """Whether the decoder gets the file as it is: not a TIFF, which may have pages, and nothing that is converted."""
    return is_image(data) and not is_tiff(data)


# The file of a MIRAX slide is a JPEG of its overview. OpenSlide would need the folder beside it, and a reader gets one file.
MIRAX = "it is the overview of a MIRAX slide; the slide's tiles lie in the folder beside it and are not read"
KIND = Kind(
    "image",
    "image",
    "server.extract.image_worker",
    "file",
    EXTENSIONS + CONVERTED,
    matches=_matches,
    is_whole=_is_whole,
    partly={".mrxs": MIRAX},
)

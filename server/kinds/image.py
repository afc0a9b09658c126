"""Image files: those that server/imaging/decode.py opens, and HEIC, JPEG XL and JPEG 2000, which their reader turns into PNG."""

from __future__ import annotations

from server.imaging.signature import is_image, needs_conversion
from server.kinds.kind import Kind

EXTENSIONS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff")
CONVERTED = (".heic", ".heif", ".jxl", ".jp2", ".j2k", ".jpx", ".jpf")


def _matches(head: bytes, _: str) -> bool:
    return is_image(head) or needs_conversion(head)


KIND = Kind("image", "image", "server.extract.image_worker", "file", EXTENSIONS + CONVERTED, matches=_matches)

"""Recognises images by their first bytes: the formats that decode.py opens, and those that convert.py converts."""

from __future__ import annotations

_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", *_TIFF_STARTS)
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # sizes that the second header of a BMP can have
_AVIF_BRANDS = (b"avif", b"avis")
_BRANDS_END = 256  # bytes of an AVIF's first box that are searched for its brands


def is_image(data: bytes) -> bool:
    """Whether `data`, a file's first 256 bytes or more, begins as JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF. It may be broken."""
    if data.startswith(_STARTS) or (data.startswith(b"RIFF") and data[8:12] == b"WEBP"):
        return True
    if data[4:8] == b"ftyp":
        size = min(int.from_bytes(data[:4], "big"), _BRANDS_END)
        brands = [data[8:12], *(data[at : at + 4] for at in range(16, size, 4))]
        return any(brand in _AVIF_BRANDS for brand in brands)
    return data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BMP_HEADERS


def is_tiff(data: bytes) -> bool:
    """Whether `data` begins as a TIFF or BigTIFF."""
    return data.startswith(_TIFF_STARTS)


_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_CONVERTED_STARTS = (
    b"\xff\x0a",  # JPEG XL, a bare codestream
    b"\0\0\0\x0cJXL \r\n\x87\n",
    b"\0\0\0\x0cjP  \r\n\x87\n",  # JPEG 2000
    b"\xff\x4f\xff\x51",
)


def needs_conversion(data: bytes) -> bool:
    """Whether `data` begins as HEIC, JPEG XL or JPEG 2000, which a reader converts to PNG before other modules open it."""
    return data.startswith(_CONVERTED_STARTS) or (data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS and not is_image(data))

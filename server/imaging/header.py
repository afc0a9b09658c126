"""Opens image files with Pillow and reads their headers: format, size and pages, without decoding.

Formats on the allow-list: JPEG (MPO included), PNG, WebP, AVIF, BMP, GIF and TIFF. Icons (ICO) are left out: they are never scans,
and their format nests other formats. convert.py opens further formats.
"""

from __future__ import annotations

import importlib
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from server.contract.errors import Damaged, ImageTooLarge, MedlensError, UnknownKind
from server.imaging.signature import is_image

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
for _plugin in ("Jpeg", "Mpo", "Png", "WebP", "Avif", "Gif", "Bmp", "Tiff"):  # on demand, Pillow would load forty others, too
    importlib.import_module(f"PIL.{_plugin}ImagePlugin")
JPEG_FORMATS = ("JPEG", "MPO")  # Pillow opens MPO files as JPEGs

_PNG = b"\x89PNG\r\n\x1a\n"
# Uncompressed XMP, and EXIF as plain text, as ImageMagick writes it. Cameras write some kilobytes.
_ORIENTATION_TEXTS = (b"XML:com.adobe.xmp\0\0\0", b"Raw profile type exif\0\n", b"Raw profile type APP1\0\n")
_ORIENTATION_BYTES = 256 * 1024
_PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")

# `decode` checks the size in the header against its own limit. Pillow's limit is for sizes that no header states (the tiles of a
# TIFF): Pillow raises at twice this number, which is above any sensible MAX_PIXELS and fits into a machine's memory.
Image.MAX_IMAGE_PIXELS = 250_000_000


@dataclass(frozen=True, slots=True)
class Header:
    """Format and size as stored, before EXIF turns the image, in pixels. `frames`: pages, see `read_header`."""

    format: str
    width: int
    height: int
    frames: int = 1


def read_header(data: bytes, count_to: int = 1) -> Header:
    """Read format and size without decoding. Raises UnknownKind (not on the allow-list) or Damaged (the header does not parse).

    `count_to`: pages of a TIFF are counted up to this number; each takes half a millisecond, and a file may have 65,000.
    """
    with errors_translated(), open_image(data) as image:
        name, width, height = format_name(image), image.width, image.height
        return Header(name, width, height, _page_count(image, count_to) if image.format == "TIFF" else 1)


def _page_count(image: Image.Image, most: int) -> int:
    for number in range(1, most):
        try:
            image.seek(number)
        except EOFError:
            return number
    return most


def check_pixels(width: int, height: int, max_pixels: int) -> None:
    """Raises ImageTooLarge when the size in a header exceeds `max_pixels`."""
    if width * height > max_pixels:
        raise ImageTooLarge(f"{width} x {height} pixels are more than the {max_pixels} allowed (MEDLENS_MAX_PIXELS)")


def open_image(data: bytes) -> Image.Image:
    """The file opened by Pillow, pixels not yet decoded. Raises Damaged or UnknownKind."""
    try:
        return Image.open(BytesIO(_without_texts(data)), formats=FORMATS)
    except UnidentifiedImageError:
        if is_image(data):
            raise Damaged("the image's header is broken") from None
        raise UnknownKind(f"not an image of a known format ({', '.join(FORMATS)})") from None


def _without_texts(data: bytes) -> bytes:
    """Remove from a PNG its colour profile and texts, which may unpack to gigabytes; texts with the orientation are kept."""
    if not data.startswith(_PNG):
        return data
    kept, at = [_PNG], len(_PNG)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] not in _PNG_TEXTS or _has_orientation(data[at + 8 : min(end - 4, at + 8 + _ORIENTATION_BYTES)]):
            kept.append(data[at:end])
        at = end
    kept.append(data[at:])
    return b"".join(kept)


def _has_orientation(body: bytes) -> bool:
    """Whether a text chunk may contain the orientation: it is uncompressed and shorter than _ORIENTATION_BYTES."""
    return len(body) < _ORIENTATION_BYTES and body.startswith(_ORIENTATION_TEXTS)


def format_name(image: Image.Image) -> str:
    return "jpeg" if image.format in JPEG_FORMATS else str(image.format).lower()


_quiet_lock = threading.Lock()
_quiet_depth = 0
_quiet = warnings.catch_warnings()


@contextmanager
def errors_translated() -> Iterator[None]:
    """Raise a MedlensError for whatever a parser raises, and ignore its warnings.

    Warning filters are global: of several threads inside, the last to leave restores them.
    """
    global _quiet_depth, _quiet  # noqa: PLW0603 - Python's warning filters are global, and so is this state
    with _quiet_lock:
        if _quiet_depth == 0:
            _quiet = warnings.catch_warnings()
            _quiet.__enter__()
            warnings.simplefilter("ignore")
        _quiet_depth += 1
    try:
        yield
    except MedlensError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(str(error)) from None
    except MemoryError:
        raise ImageTooLarge("the image needs more memory than its reader may have") from None
    except Exception as error:  # parsers of hostile bytes raise anything: OSError, SyntaxError, struct.error, KeyError ...
        raise Damaged(f"the image does not decode: {str(error)[:200] or type(error).__name__}") from error
    finally:
        with _quiet_lock:
            _quiet_depth -= 1
            if _quiet_depth == 0:
                _quiet.__exit__(None, None, None)

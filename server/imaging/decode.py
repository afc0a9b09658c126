"""Decodes images; no other module of the server opens one. The header is checked first; the result is RGB, upright and shrunk.

Formats on the allow-list: JPEG (MPO included), PNG, WebP, AVIF, BMP, GIF and TIFF; of an animated GIF or WebP an even sample of
its frames, of other animations the first. Icons (ICO) are left out: they are never scans, and their format nests other formats.
Colour profiles are not applied, because they shift tints only.

Pixels that do not decode (a wrong PNG checksum, a file cut in half) raise Damaged, so that nobody gets a verdict on half a scan. A
JPEG that lacks only its last rows is decoded as browsers decode it.
"""

from __future__ import annotations

import importlib
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from server.contract.errors import Damaged, ImageTooLarge, MedlensError, UnknownKind
from server.imaging.signature import is_image
from server.imaging.to_rgb import fitting, to_rgb

# The models take 192 to 256 pixels a side; at 768 the panels of a 3 x 4 figure still have 192. Raw RGB has 1.8 MB at most.
WORKING_SIDE = 768
# Share of a JPEG's rows that must be there. Browsers show such a file too, and a tenth of grey at its foot changes no verdict.
MIN_ROWS_SHARE = 0.9
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
for _plugin in ("Jpeg", "Mpo", "Png", "WebP", "Avif", "Gif", "Bmp", "Tiff"):  # Pillow loads these on demand, or with forty others
    importlib.import_module(f"PIL.{_plugin}ImagePlugin")
# Frames of an animation that are decoded, evenly spread: five do not miss what a fifth of it shows, and cost five images.
MAX_FRAMES = 5
# Pixels of an animation that are decoded on the way to these frames, since each is drawn over those before it: about a second of
# work. A longer animation is sampled as far as that.
MAX_ANIMATION_PIXELS = 60_000_000
_ANIMATED = ("GIF", "WEBP")
_JPEG = ("JPEG", "MPO")  # Pillow opens the second as the first
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_PNG = b"\x89PNG\r\n\x1a\n"
# XMP, not compressed, and EXIF as ImageMagick writes it, as plain text. Cameras' have some kilobytes.
_TURN_TEXTS = (b"XML:com.adobe.xmp\0\0\0", b"Raw profile type exif\0\n", b"Raw profile type APP1\0\n")
_TURN_BYTES = 256 * 1024
_PNG_REMARKS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")

# `decode` compares the header with its own limit. Pillow's limit remains for sizes that no header states (the tiles of a TIFF): it
# raises at twice this number, which is above any sensible MAX_PIXELS and below what fills a machine's memory.
Image.MAX_IMAGE_PIXELS = 250_000_000


@dataclass(frozen=True, slots=True)
class Header:
    """Format and size as stored, before EXIF turns the image, in pixels. `frames`: pages, see `read_header`."""

    format: str
    width: int
    height: int
    frames: int = 1


@dataclass(frozen=True, slots=True)
class Raster:
    """A decoded image. `width`, `height`: pixels of the original, upright; `image`: RGB, upright, shrunk."""

    format: str
    width: int
    height: int
    image: Image.Image = field(repr=False)

    @property
    def blank(self) -> bool:
        """Whether every pixel has the same colour."""
        return self.image.getcolors(1) is not None


def read_header(data: bytes, count_to: int = 1) -> Header:
    """Read format and size without decoding. Raises UnknownKind (not on the allow-list) or Damaged (the header does not parse).

    `count_to`: pages of a TIFF are counted up to this number; each takes half a millisecond, and a file may hold 65,000.
    """
    with errors_translated(), _open(data) as image:
        name, width, height = _name(image), image.width, image.height
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


def decode(data: bytes, max_pixels: int, page: int = 0, side: int = WORKING_SIDE) -> Raster:
    """Decode one image (of a TIFF: `page`, from 0) to upright RGB, its long side at most `side` pixels.

    Raises UnknownKind, Damaged, or ImageTooLarge when its header says more than `max_pixels` or memory runs out.
    """
    with errors_translated(), _open(data) as image:
        if page:
            image.seek(page)
        width, height = image.size
        check_pixels(width, height, max_pixels)
        if image.format in _JPEG:
            image.draft(None, fitting(width, height, side))
        small = _load(image, data, side)
        turn = _TURNS.get(_orientation(image))
        if image.format not in _JPEG:
            width, height = image.size  # Pillow turns a TIFF by itself
        if turn is not None:
            small = small.transpose(turn)
            if turn in (
                Image.Transpose.TRANSPOSE,
                Image.Transpose.ROTATE_270,
                Image.Transpose.TRANSVERSE,
                Image.Transpose.ROTATE_90,
            ):
                width, height = height, width
        return Raster(_name(image), width, height, small)


def decode_frames(data: bytes, max_pixels: int, page: int = 0, side: int = WORKING_SIDE) -> list[Raster]:
    """Decode an animated GIF or WebP to an even sample of its frames, anything else to one Raster as `decode` does.

    An animation that is cut short gives the frames that are there. Raises as `decode` does.
    """
    with errors_translated(), _open(data) as image:
        check_pixels(*image.size, max_pixels)
        count = _frame_count(image) if image.format in _ANIMATED else 1
        if count > 1:
            return list(_frames(image, sampled_frames(count, *image.size), side))
    return [decode(data, max_pixels, page, side)]


def sampled_frames(count: int, width: int, height: int) -> list[int]:
    """The numbers, from 0, of at most MAX_FRAMES frames: the middles of equal parts, so that a title card may be passed over."""
    within_reach = max(1, min(count, MAX_ANIMATION_PIXELS // (width * height)))
    parts = min(MAX_FRAMES, within_reach)
    return [(2 * part + 1) * within_reach // (2 * parts) for part in range(parts)]


def _frame_count(image: Image.Image) -> int:
    """How many frames there are; of a file that ends in the middle of one, those before it."""
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # a GIF's frames are counted by parsing them
        return image.tell() + 1


def _frames(image: Image.Image, numbers: Sequence[int], side: int) -> Iterator[Raster]:
    for number in numbers:
        try:
            image.seek(number)
            frame = image.copy()  # seeking on changes `image`
        except Exception:  # what parsers raise for a file that ends early: EOFError, OSError, SyntaxError ...
            if number == numbers[0]:
                raise
            return
        yield Raster(_name(image), image.width, image.height, to_rgb(frame, side))


def to_png(image: Image.Image) -> bytes:
    """Encode as PNG, losslessly and fast: for images that travel to another stage as bytes."""
    out = BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(BytesIO(_without_remarks(data)), formats=FORMATS)
    except UnidentifiedImageError:
        if is_image(data):
            raise Damaged("the image's header is broken") from None
        raise UnknownKind(f"not an image of a known format ({', '.join(FORMATS)})") from None


def _without_remarks(data: bytes) -> bytes:
    """A PNG without texts and colour profile, which may unpack to gigabytes; others as they are. What tells its turn stays."""
    if not data.startswith(_PNG):
        return data
    kept, at = [_PNG], len(_PNG)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] not in _PNG_REMARKS or _tells_its_turn(data[at + 8 : min(end - 4, at + 8 + _TURN_BYTES)]):
            kept.append(data[at:end])
        at = end
    kept.append(data[at:])
    return b"".join(kept)


def _tells_its_turn(body: bytes) -> bool:
    """Whether a text chunk is one that may hold the orientation, not packed, and whole within _TURN_BYTES."""
    return len(body) < _TURN_BYTES and body.startswith(_TURN_TEXTS)


def _load(image: Image.Image, data: bytes, side: int) -> Image.Image:
    try:
        image.load()
    except OSError as error:
        if image.format not in _JPEG or "truncated" not in str(error):
            raise
        return _load_truncated(data, side)
    return to_rgb(image, side)


def _load_truncated(data: bytes, side: int) -> Image.Image:
    """Decode a JPEG that ends early; the decoder fills the missing rows at the bottom with one colour."""
    with _open(data + b"\xff\xd9") as ended:
        ended.draft(None, fitting(*ended.size, side))
        ended.load()
        image = to_rgb(ended, side)
    check_rows(image)
    return image


def check_rows(image: Image.Image) -> None:
    """Raises Damaged when more rows at the bottom than allowed have one colour, as decoders fill them when data is missing."""
    rows = np.asarray(image)
    filled = (rows == rows[-1, -1]).reshape(len(rows), -1).all(axis=1)
    missing = int(np.argmin(filled[::-1])) if not filled.all() else len(rows)
    readable = 1 - missing / len(rows)
    if readable < MIN_ROWS_SHARE:
        raise Damaged(f"the image is cut off: {readable:.0%} of its rows are there")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # EXIF may hold anything and its parser raise anything; without it an image is upright as stored
        return 1


def _name(image: Image.Image) -> str:
    return "jpeg" if image.format in _JPEG else str(image.format).lower()


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

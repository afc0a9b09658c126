"""Decodes images to RGB, upright and shrunk, after checking their headers.

For an animated GIF or WebP an even sample of its frames is decoded, for other animations the first frame. Colour profiles are not
applied, because they only shift tints.

Pixels that do not decode (a wrong PNG checksum, a file cut in half) raise Damaged, so that no verdict is given on half an image. A
JPEG that lacks only its last rows is decoded, as browsers do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
from PIL import Image

from server.contract.errors import Damaged
from server.imaging.header import JPEG_FORMATS, check_pixels, errors_translated, format_name, open_image
from server.imaging.to_rgb import fitting, to_rgb

# The models take 192 to 256 pixels a side; at 768 the panels of a 3 x 4 figure still have 192. Raw RGB has 1.8 MB at most.
WORKING_SIDE = 768
# Share of a JPEG's rows that must be there. Browsers show such a file, too, and a grey tenth at the bottom changes no verdict.
MIN_ROWS_SHARE = 0.9
# Frames of an animation that are decoded, evenly spread: five include whatever a fifth of the frames shows, at the cost of five
# images.
MAX_FRAMES = 5
# Pixels of an animation that are decoded to reach these frames, because each frame is drawn over the earlier ones: about a second
# of work. Of a longer animation, only the frames within this limit are sampled.
MAX_ANIMATION_PIXELS = 60_000_000
_ANIMATED = ("GIF", "WEBP")
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


def decode(data: bytes, max_pixels: int, page: int = 0, side: int = WORKING_SIDE) -> Raster:
    """Decode one image (of a TIFF: `page`, from 0) to upright RGB, its long side at most `side` pixels.

    Raises UnknownKind, Damaged, or ImageTooLarge when its header states more than `max_pixels` or memory runs out.
    """
    with errors_translated(), open_image(data) as image:
        if page:
            image.seek(page)
        width, height = image.size
        check_pixels(width, height, max_pixels)
        if image.format in JPEG_FORMATS:
            image.draft(None, fitting(width, height, side))
        small = _load(image, data, side)
        turn = _TURNS.get(_orientation(image))
        if image.format not in JPEG_FORMATS:
            width, height = image.size  # Pillow itself turns a TIFF upright
        if turn is not None:
            small = small.transpose(turn)
            if turn in (
                Image.Transpose.TRANSPOSE,
                Image.Transpose.ROTATE_270,
                Image.Transpose.TRANSVERSE,
                Image.Transpose.ROTATE_90,
            ):
                width, height = height, width
        return Raster(format_name(image), width, height, small)


def decode_frames(data: bytes, max_pixels: int, page: int = 0, side: int = WORKING_SIDE) -> list[Raster]:
    """Decode an animated GIF or WebP to an even sample of its frames, anything else to one Raster as `decode` does.

    A truncated animation yields the frames that are there. Raises what `decode` raises.
    """
    with errors_translated(), open_image(data) as image:
        check_pixels(*image.size, max_pixels)
        count = _frame_count(image) if image.format in _ANIMATED else 1
        if count > 1:
            return list(_frames(image, sampled_frames(count, *image.size), side))
    return [decode(data, max_pixels, page, side)]


def sampled_frames(count: int, width: int, height: int) -> list[int]:
    """The indices of at most MAX_FRAMES frames: the middle one of each of several equal parts, so that a title card is skipped."""
    within_reach = max(1, min(count, MAX_ANIMATION_PIXELS // (width * height)))
    parts = min(MAX_FRAMES, within_reach)
    return [(2 * part + 1) * within_reach // (2 * parts) for part in range(parts)]


def _frame_count(image: Image.Image) -> int:
    """The number of frames; of a truncated file, the number of those that can be read."""
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # a GIF's frames are counted by parsing them
        return image.tell() + 1


def _frames(image: Image.Image, numbers: Sequence[int], side: int) -> Iterator[Raster]:
    for number in numbers:
        try:
            image.seek(number)
            frame = image.copy()  # the next seek changes `image`
        except Exception:  # what parsers raise for a file that ends early: EOFError, OSError, SyntaxError ...
            if number == numbers[0]:
                raise
            return
        yield Raster(format_name(image), image.width, image.height, to_rgb(frame, side))


def to_png(image: Image.Image) -> bytes:
    """Encode as PNG, losslessly and fast, for images that are passed to another stage as bytes."""
    out = BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def _load(image: Image.Image, data: bytes, side: int) -> Image.Image:
    try:
        image.load()
    except OSError as error:
        if image.format not in JPEG_FORMATS or "truncated" not in str(error):
            raise
        return _load_truncated(data, side)
    return to_rgb(image, side)


def _load_truncated(data: bytes, side: int) -> Image.Image:
    """Decode a JPEG that ends early; the decoder fills the missing rows at the bottom with one colour."""
    with open_image(data + b"\xff\xd9") as ended:
        ended.draft(None, fitting(*ended.size, side))
        ended.load()
        image = to_rgb(ended, side)
    check_rows(image)
    return image


def check_rows(image: Image.Image) -> None:
    """Raise Damaged when too many rows at the bottom have one colour, with which decoders fill rows whose data is missing."""
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

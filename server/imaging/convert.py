"""Decodes what browsers and the rest of medlens do not open: HEIC, JPEG XL and JPEG 2000, each by its own library.

Only a reader's child imports this module. Sizes are checked by the header, before a pixel is decoded.
"""

from __future__ import annotations

from io import BytesIO

import pillow_heif
import pillow_jxl  # registers itself with Pillow
from PIL import Image, Jpeg2KImagePlugin

from server.contract.errors import Damaged
from server.imaging.header import check_pixels, errors_translated
from server.imaging.jxl_size import jxl_size
from server.imaging.to_rgb import to_rgb

pillow_heif.register_heif_opener(thumbnails=False)
FORMATS = ("HEIF", "JXL", Jpeg2KImagePlugin.Jpeg2KImageFile.format)
_JXL = (b"\xff\x0a", b"\0\0\0\x0cJXL ")
assert pillow_jxl.__name__


def convert(data: bytes, max_pixels: int, side: int) -> Image.Image:
    """The image in RGB, upright, its long side at most `side` pixels; of several in one file the main one.

    Raises Damaged, and ImageTooLarge when its header says more than `max_pixels`.
    """
    with errors_translated():
        if data.startswith(_JXL):  # its library decodes when it opens
            size = jxl_size(data)
            if size is None:
                raise Damaged("the image's header is broken")
            check_pixels(*size, max_pixels)
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            check_pixels(*image.size, max_pixels)
            image.load()
            return to_rgb(image, side)

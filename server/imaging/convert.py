"""Decodes formats that decode.py and many browsers do not open: HEIC, JPEG XL and JPEG 2000, each with a library of its own.

Only a reader's child imports this module. The size in the header is checked before any pixel is decoded.
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
    """The image in RGB, upright, its long side at most `side` pixels; if the file has several images, the main one.

    Raises Damaged, and ImageTooLarge when the header states more than `max_pixels`.
    """
    with errors_translated():
        if data.startswith(_JXL):  # its library decodes while it opens the file
            size = jxl_size(data)
            if size is None:
                raise Damaged("the image's header is broken")
            check_pixels(*size, max_pixels)
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            check_pixels(*image.size, max_pixels)
            image.load()
            return to_rgb(image, side)

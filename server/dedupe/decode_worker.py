"""Decodes images in a child process of server/sandbox/child.py: one answer for each request, until the parent closes the pipe.

A request is the image's bytes with `max_pixels` and `page`. The answer holds format, size, thumbnail, raw RGB of the shrunk image,
perceptual hash and grey copy. Nothing is kept from one image to the next.
"""

from __future__ import annotations

from io import BytesIO

import scipy.fftpack  # noqa: F401 - imagehash loads it with the first hash; loaded here, it is shared by all children
from PIL import Image

from server.contract.errors import Damaged, ImageTooLarge, MedlensError
from server.dedupe.fingerprint import grey_of, phash_of
from server.imaging.decode import Raster, decode
from server.sandbox.protocol import Pipe

# Long side of a thumbnail, pixels: what a card of the dashboard shows on a dense screen, about 15 kB.
THUMBNAIL_SIDE = 384
THUMBNAIL_QUALITY = 80


def serve(pipe: Pipe) -> None:
    while (request := pipe.receive()) is not None:
        header, data = request
        try:
            raster = decode(data, int(header["max_pixels"]), int(header["page"]))
            _answer(pipe, raster)
        except MedlensError as error:
            pipe.send_error(error)
        except MemoryError:
            pipe.send_error(ImageTooLarge("the image needs more memory than its reader may have"))
        except ConnectionError:
            raise
        except Exception as error:  # an unforeseen image costs its own answer, not the child
            pipe.send_error(Damaged(f"the image does not decode: {type(error).__name__}"))


def _answer(pipe: Pipe, raster: Raster) -> None:
    thumbnail = _thumbnail(raster.image)
    header = {
        "format": raster.format,
        "width": raster.width,
        "height": raster.height,
        "size": raster.image.size,
        "phash": phash_of(raster),
        "grey": grey_of(raster).hex(),
        "thumbnail": len(thumbnail),
    }
    pipe.send(header, thumbnail + raster.image.tobytes())


def _thumbnail(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    out = BytesIO()
    small.save(out, "WEBP", quality=THUMBNAIL_QUALITY, method=2)
    return out.getvalue()

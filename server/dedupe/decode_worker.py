"""Decodes images in a child process of server/sandbox/child.py: one answer for each request, until the parent closes the pipe.

A request is the image's bytes with `max_pixels` and `page`. The answer holds format, size, thumbnail, raw RGB of the shrunk image,
perceptual hash and grey copy; for an animation, those of each sampled frame that is not blank. Nothing is kept from one image to
the next.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import scipy.fftpack  # noqa: F401 - imagehash loads it with the first hash; loaded here, it is shared by all children
from PIL import Image

from server.contract.errors import Damaged, ImageTooLarge, MedlensError
from server.dedupe.fingerprint import grey_of, phash_of
from server.imaging.decode import Raster, decode_frames
from server.sandbox.protocol import Pipe

# Long side of a thumbnail, pixels: what a card of the dashboard shows on a dense screen, about 15 kB.
THUMBNAIL_SIDE = 384
THUMBNAIL_QUALITY = 80
# WebP's fastest method: half the time of method 2 for a fifth more bytes. The thumbnail takes most of the time of decoding an
# image.
THUMBNAIL_METHOD = 0


def serve(pipe: Pipe) -> None:
    while (request := pipe.receive()) is not None:
        header, data = request
        try:
            rasters = decode_frames(data, int(header["max_pixels"]), int(header["page"]))
            answers = [_answer(raster) for raster in rasters if not raster.blank] or [_answer(rasters[0])]
            pipe.send({"frames": [facts for facts, _ in answers]}, b"".join(pixels for _, pixels in answers))
        except MedlensError as error:
            pipe.send_error(error)
        except MemoryError:
            pipe.send_error(ImageTooLarge("the image needs more memory than its reader may have"))
        except ConnectionError:
            raise
        except Exception as error:  # an unexpected error fails this image, not the child
            pipe.send_error(Damaged(f"the image does not decode: {type(error).__name__}"))


def _answer(raster: Raster) -> tuple[dict[str, Any], bytes]:
    """The header for one image or frame, and the body: its thumbnail followed by its pixels."""
    thumbnail = _thumbnail(raster.image)
    facts = {
        "format": raster.format,
        "width": raster.width,
        "height": raster.height,
        "size": raster.image.size,
        "phash": phash_of(raster),
        "grey": grey_of(raster).hex(),
        "thumbnail": len(thumbnail),
    }
    return facts, thumbnail + raster.image.tobytes()


def _thumbnail(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    out = BytesIO()
    small.save(out, "WEBP", quality=THUMBNAIL_QUALITY, method=THUMBNAIL_METHOD)
    return out.getvalue()

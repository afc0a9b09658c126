"""Decodes images in the child of server/sandbox/child.py: one request, one answer, until the parent hangs up.

A request is the image's bytes with `max_pixels` and `page`; the answer what server/imaging/decode.py says of it: size, raw RGB of
the small picture, perceptual hash, grey copy, thumbnail. It remembers nothing from one image to the next.
"""

from __future__ import annotations

from io import BytesIO

import scipy.fftpack  # noqa: F401 - imagehash loads it with the first hash; loaded here, all children share it
from PIL import Image

from server.contract.errors import Damaged, ImageTooLarge, MedlensError
from server.dedupe.fingerprint import grey_of, phash_of
from server.imaging.decode import Picture, decode
from server.sandbox.protocol import Pipe

# Long side of a thumbnail, pixels: what a card of the dashboard shows on a dense screen, about 15 kB.
THUMBNAIL_SIDE = 384
THUMBNAIL_QUALITY = 80


def serve(pipe: Pipe) -> None:
    while (request := pipe.receive()) is not None:
        header, data = request
        try:
            picture = decode(data, int(header["max_pixels"]), int(header["page"]))
            _answer(pipe, picture)
        except MedlensError as error:
            pipe.send_error(error)
        except MemoryError:
            pipe.send_error(ImageTooLarge("the image needs more memory than its reader may have"))
        except ConnectionError:
            raise
        except Exception as error:  # a picture nobody foresaw: that one image is lost, not the child
            pipe.send_error(Damaged(f"the image does not decode: {type(error).__name__}"))


def _answer(pipe: Pipe, picture: Picture) -> None:
    thumbnail = _thumbnail(picture.image)
    header = {
        "format": picture.format,
        "width": picture.width,
        "height": picture.height,
        "size": picture.image.size,
        "phash": phash_of(picture),
        "grey": grey_of(picture).hex(),
        "thumbnail": len(thumbnail),
    }
    pipe.send(header, thumbnail + picture.image.tobytes())


def _thumbnail(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    out = BytesIO()
    small.save(out, "WEBP", quality=THUMBNAIL_QUALITY, method=2)
    return out.getvalue()

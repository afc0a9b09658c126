"""Reads an image in the child of server/sandbox/child.py: its header, the pages of a TIFF, and formats that are converted to PNG.

readers.py describes the frames.
"""

from __future__ import annotations

from server.contract.errors import ImageTooLarge, MedlensError
from server.imaging.convert import convert
from server.imaging.decode import decode, to_png
from server.imaging.header import check_pixels, read_header
from server.imaging.signature import needs_conversion
from server.sandbox.protocol import Pipe

# Pages of a TIFF that are read: a stack of slices has some 300, a fax 10.
MAX_PAGES = 500
# Long side of a page re-encoded as PNG, pixels: as for images of a PDF, enough for a saved copy, and quick to encode.
PAGE_SIDE = 3000


def serve(pipe: Pipe) -> None:
    if (request := pipe.receive()) is None:
        return
    job, data = request
    if needs_conversion(data):
        pipe.send({"image": None, "page": None, "box": None}, to_png(convert(data, int(job["max_pixels"]), PAGE_SIDE)))
        pipe.send({"end": True})
        return
    header = read_header(data, MAX_PAGES + 1)
    if header.frames == 1:
        check_pixels(header.width, header.height, int(job["max_pixels"]))
        pipe.send({"whole": True, "page": None, "box": None})
    for page in range(min(header.frames, MAX_PAGES) if header.frames > 1 else 0):
        place = {"page": page + 1, "box": None}
        try:
            pipe.send({"image": None, **place}, to_png(decode(data, int(job["max_pixels"]), page, PAGE_SIDE).image))
        except ImageTooLarge as error:
            pipe.send({"skip": "too_many_pixels", "detail": str(error), **place})
        except MedlensError as error:
            pipe.send({"skip": "broken", "detail": str(error), **place})
    if header.frames > MAX_PAGES:
        pipe.send({"notice": "too_large", "message": f"only the first {MAX_PAGES} pages are read"})
    pipe.send({"end": True})

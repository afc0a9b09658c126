"""A single image file: itself, or the pages of a TIFF. A child reads its header; its pixels are the decoder's business."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from server.contract.records import Found, Source
from server.extract.reading import Reader, read
from server.settings import Settings

READER = Reader("server.extract.image_worker", "image", "file")


def extract_image(source: Source, settings: Settings) -> AsyncGenerator[Found, None]:
    """Yield the file as one candidate, unchanged; of a TIFF with several pages each page, from 1, as a PNG of its own.

    Of an animation the decoder takes the first frame. Raises UnknownKind, Damaged, ImageTooLarge (by its header) or ReaderFailed.
    """
    return read(READER, source, settings)

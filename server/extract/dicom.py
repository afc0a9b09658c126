"""Frames of a DICOM file, as a radiologist's screen shows them, read by a child process.

What leaves the file besides pixels: its Modality (each place's `tag`) and, as the title, Modality and BodyPartExamined, both coded
words. Names, dates, numbers, descriptions and comments stay in it: they are, or may hold, what identifies a patient.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from server.contract.records import Found, Source
from server.extract.reading import Reader, read
from server.settings import Settings

READER = Reader("server.extract.dicom_worker", "DICOM file", "frame")


def extract_dicom(source: Source, settings: Settings) -> AsyncGenerator[Found, None]:
    """Yield frames as PNG, an even sample of many; `page` is the frame's number, from 1.

    Raises DocumentError (no image in it), Damaged, ImageTooLarge or ReaderFailed.
    """
    return read(READER, source, settings)

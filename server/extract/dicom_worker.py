"""Reads a DICOM file in the child of server/sandbox/child.py: an even sample of its frames, each as a PNG.

dicom_window.py converts the values to greys; readers.py describes the frames that are sent to the parent.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from PIL import Image
from pydicom.errors import InvalidDicomError
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import UID

from server.contract.errors import Damaged, ImageTooLarge, NoImage
from server.extract.dicom_window import to_8_bits
from server.extract.unpacking import errors_as_damaged
from server.imaging.decode import to_png
from server.imaging.header import check_pixels
from server.sandbox.protocol import Pipe

# Frames read of one file. A cine loop or a volume shows one part of the body throughout; 16 even steps cover it.
SAMPLED_FRAMES = 16
PDF = "application/pdf"
# Files that a DICOMDIR may list, as many as a folder may have; a name has 8 parts of 16 characters at most.
MAX_LISTED, MAX_LISTED_NAME = 10_000, 8 * 17
NAMES_AT_ONCE = 200  # in one frame of the pipe, whose header is bounded
# Prefixes of the transfer syntaxes of MPEG-2, H.264 and H.265. Those of JPIP and SMPTE have other numbers.
VIDEO = tuple(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109))
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def serve(pipe: Pipe) -> None:
    if (request := pipe.receive()) is None:
        return
    with errors_as_damaged("the DICOM file does not parse"):  # pydicom parses an element when it is first used
        _read(pipe, *request)


def _read(pipe: Pipe, job: dict[str, Any], data: bytes) -> None:
    dataset = _open(data)
    if not any(name in dataset for name in _PIXELS):
        _send_document(pipe, dataset)
        return
    if _is_video(dataset):
        detail = f"video is not read ({UID(str(dataset.file_meta.TransferSyntaxUID)).name}, {_frames(dataset)} frames)"
        pipe.send({"page": 1})
        pipe.send({"skip": "video", "detail": detail, "page": None, "box": None})
        pipe.send({"notice": "video", "message": detail, "severity": "cut"})
        pipe.send({"end": True})
        return
    width, height, frames = int(dataset.get("Columns") or 0), int(dataset.get("Rows") or 0), _frames(dataset)
    check_pixels(width, height, int(job["max_pixels"]))
    tag = _coded(dataset, "Modality")
    pipe.send({"title": " ".join(filter(None, (tag, _coded(dataset, "BodyPartExamined"))))})
    sent = 0
    problem = "no frame decodes"
    for index in _sample(frames):
        place = {"page": index + 1, "box": None, "tag": tag or None}
        pipe.send({"page": index + 1})
        if min(width, height) < int(job["min_side"]):
            pipe.send({"skip": "too_small", "detail": "", **place})
            sent += 1
            continue
        try:
            [values] = iter_pixels(dataset, indices=[index])
            image = Image.fromarray(to_8_bits(np.asarray(values), dataset, index))
        except MemoryError:
            raise ImageTooLarge("the frame needs more memory than its reader may have") from None
        except Exception as error:  # pydicom and its decoders raise anything; one frame must not cost the others
            problem = f"frame {index + 1}: {' '.join(str(error).split())[:200] or type(error).__name__}"
            if frames > 1:
                pipe.send({"skip": "broken", "detail": problem, **place})
            continue
        pipe.send({"image": None, **place}, to_png(image))
        sent += 1
    if not sent:
        raise Damaged(f"the DICOM file's pixels do not decode: {problem}")
    pipe.send({"end": True})


def _open(data: bytes) -> Any:
    try:
        dataset = pydicom.dcmread(BytesIO(data), force=data[128:132] != b"DICM")
        if "TransferSyntaxUID" not in dataset.file_meta:
            dataset.file_meta.TransferSyntaxUID = UID(_guessed_syntax(dataset))
    except InvalidDicomError:
        raise Damaged("the file is not DICOM") from None
    return dataset


def _send_document(pipe: Pipe, dataset: Any) -> None:
    """Send the encapsulated PDF. Raises NoImage for other objects without pixels, such as reports, plans and directories."""
    kind = str(dataset.get("MIMETypeOfEncapsulatedDocument") or "").strip().lower()
    if "EncapsulatedDocument" in dataset and kind in ("", PDF):
        pipe.send({"title": _coded(dataset, "Modality")})
        pipe.send({"file": "document.pdf", "page": None, "box": None}, bytes(dataset.EncapsulatedDocument))
        pipe.send({"end": True})
        return
    names = _listed(dataset)
    for start in range(0, len(names), NAMES_AT_ONCE):
        pipe.send({"listed": names[start : start + NAMES_AT_ONCE]})
    what = UID(str(dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID", ""))).name
    raise NoImage(f"the DICOM file holds no image{f' ({what})' if what else ''}")


def _listed(dataset: Any) -> list[str]:
    """The files that a DICOMDIR lists, each once."""
    values = [record.get("ReferencedFileID") for record in dataset.get("DirectoryRecordSequence") or ()]
    parts = [[value] if isinstance(value, str) else list(value) for value in values if value]
    return list(dict.fromkeys("/".join(map(str, one))[:MAX_LISTED_NAME] for one in parts))[:MAX_LISTED]


def _is_video(dataset: Any) -> bool:
    return str(dataset.file_meta.TransferSyntaxUID).startswith(VIDEO)


def _guessed_syntax(dataset: Any) -> str:
    """The transfer syntax of a file without a file header, from the encoding with which it was parsed."""
    implicit, little = dataset.original_encoding
    if not little:
        return str(pydicom.uid.ExplicitVRBigEndian)
    return str(pydicom.uid.ImplicitVRLittleEndian if implicit else pydicom.uid.ExplicitVRLittleEndian)


def _frames(dataset: Any) -> int:
    try:
        return max(1, int(dataset.get("NumberOfFrames") or 1))
    except (TypeError, ValueError):
        return 1


def _sample(frames: int) -> list[int]:
    """The indices of an even sample of the frames, first and last included."""
    if frames <= SAMPLED_FRAMES:
        return list(range(frames))
    return [round(step * (frames - 1) / (SAMPLED_FRAMES - 1)) for step in range(SAMPLED_FRAMES)]


def _coded(dataset: Any, name: str) -> str:
    """The attribute if it is a coded word (capitals, digits, underscore, at most 16 characters), else ""; it might be a name."""
    word = str(dataset.get(name) or "").strip()
    return word if len(word) <= 16 and word.replace("_", "").replace(" ", "").isalnum() and word == word.upper() else ""

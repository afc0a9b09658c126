"""DICOM files that tests make, and what is read of them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
)

from server.contract.extracted import Extracted
from server.contract.records import Candidate, Source
from server.extract.readers import extract_dicom
from server.settings import Settings

RAMP = np.tile(np.arange(100, dtype=np.uint16) * 10, (80, 1))


def shipped(name: str) -> bytes:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return Path(path).read_bytes()


def made(pixels: np.ndarray[Any, Any] = RAMP, frames: int = 1, **elements: Any) -> bytes:
    """A CT file with these pixels, (rows, columns) or (rows, columns, 3), `frames` times."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3"
    dataset.Modality, dataset.PatientName, dataset.PatientID = "CT", "Doe^Jane", "12345"
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel = pixels.shape[2] if pixels.ndim == 3 else 1
    dataset.BitsAllocated = dataset.BitsStored = pixels.dtype.itemsize * 8
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, int(pixels.dtype.kind == "i")
    dataset.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        dataset.PlanarConfiguration = 0
    if frames > 1:
        dataset.NumberOfFrames = frames
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.PixelData = pixels.tobytes() * frames
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


async def read(data: bytes, **settings: Any) -> list[Extracted]:
    source = Source("dicom", "test.dcm", data=data)
    return [found async for found in extract_dicom(source, Settings(**settings))]


async def shown(data: bytes) -> np.ndarray[Any, Any]:
    [candidate] = [one for one in await read(data) if isinstance(one, Candidate)]
    return np.asarray(Image.open(BytesIO(candidate.data))).astype(int)


def without_pixels(**elements: Any) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = elements.pop("SOPClassUID", EncapsulatedPDFStorage)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    for name, value in elements.items():
        setattr(dataset, name, value)
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()

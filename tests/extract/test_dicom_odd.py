"""Odd DICOM files: overlays in unused bits, padding ranges, 8-bit palettes, documents, objects without pixels, video."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG4HP41,
    UID,
    BasicTextSRStorage,
    MediaStorageDirectoryStorage,
    RTStructureSetStorage,
)

from server.contract.errors import NoImage
from server.contract.extracted import InnerFile
from server.contract.records import Candidate, Notice, Skipped
from server.extract.dicom_window import to_8_bits
from tests.extract.dicoms import RAMP, made, read, shown, without_pixels


async def test_bits_above_those_stored_are_no_part_of_the_values() -> None:
    """An overlay in bits 12 to 15, in a file that says so and in one that hides it; and negative values keep their sign."""
    plain = await shown(made(RAMP, BitsStored=12, HighBit=11, WindowCenter="500", WindowWidth="900"))
    marked = RAMP | (np.indices(RAMP.shape).sum(axis=0) % 2 * 0xF000).astype(np.uint16)
    assert np.array_equal(await shown(made(marked, BitsStored=12, HighBit=11, WindowCenter="500", WindowWidth="900")), plain)
    signed = (RAMP.astype(np.int16) - 500) & np.int16(0x0FFF)
    values = to_8_bits(signed, _described(BitsStored=12, PixelRepresentation=1, WindowCenter=0, WindowWidth=900), 0)
    assert np.array_equal(values, to_8_bits(RAMP.astype(np.int16) - 500, _described(WindowCenter=0, WindowWidth=900), 0))


def _described(**elements: Any) -> Dataset:
    dataset = Dataset()
    for name, value in elements.items():
        setattr(dataset, name, value)
    return dataset


async def test_padding_between_a_value_and_a_limit_is_black_and_sets_no_range() -> None:
    pixels = RAMP.copy()
    pixels[:, :20], pixels[:, 20:40] = 60_000, 60_300
    row = (await shown(made(pixels, PixelPaddingValue=60_000, PixelPaddingRangeLimit=60_400)))[40]
    assert (row[:40] == 0).all() and row[99] == 255 and row[70] > 80
    row = (
        await shown(made(pixels, PixelPaddingValue=60_400, PixelPaddingRangeLimit=60_000, WindowCenter="500", WindowWidth="900"))
    )[40]
    assert (row[:40] == 0).all() and row[95] > 230


async def test_a_palette_of_8_bit_entries_under_a_16_bit_label_has_its_colours() -> None:
    levels = np.arange(256, dtype="<u2")
    names = ("Red", "Green", "Blue")
    entries = {f"{name}PaletteColorLookupTableDescriptor": [256, 0, 16] for name in names}
    small = entries | {f"{name}PaletteColorLookupTableData": levels.tobytes() for name in names}
    large = entries | {f"{name}PaletteColorLookupTableData": (levels * 257).astype("<u2").tobytes() for name in names}
    pixels = np.tile(np.arange(100, dtype=np.uint8) * 2, (80, 1))
    shown_small, shown_large = [
        await shown(made(pixels, PhotometricInterpretation="PALETTE COLOR", **one)) for one in (small, large)
    ]
    assert np.array_equal(shown_small, shown_large)
    assert shown_small[0, 99].tolist() == [198, 198, 198]


async def test_an_encapsulated_pdf_is_a_file_inside() -> None:
    data = without_pixels(EncapsulatedDocument=b"%PDF-1.4\n..", MIMETypeOfEncapsulatedDocument="application/pdf", Modality="DOC")
    title, inner = await read(data)
    assert title == Notice(title="DOC")
    assert isinstance(inner, InnerFile) and (inner.name, inner.data[:8]) == ("document.pdf", b"%PDF-1.4")


@pytest.mark.parametrize("uid", [BasicTextSRStorage, RTStructureSetStorage, MediaStorageDirectoryStorage])
async def test_objects_without_pixels_are_told_by_name(uid: UID) -> None:
    with pytest.raises(NoImage, match=rf"no image \({uid.name}"):
        await read(without_pixels(SOPClassUID=uid))
    with pytest.raises(NoImage):
        await read(without_pixels(EncapsulatedDocument=b"<xml/>", MIMETypeOfEncapsulatedDocument="text/xml"))


async def test_video_is_skipped_once_with_its_frames() -> None:
    dataset = dcmread(BytesIO(made(np.zeros((80, 100, 3), np.uint8))))
    dataset.file_meta.TransferSyntaxUID, dataset.NumberOfFrames = MPEG4HP41, 16
    dataset.PixelData = encapsulate([b"\0\0\1no h264"])
    dataset["PixelData"].VR = "OB"
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    skipped, notice = await read(out.getvalue())
    assert isinstance(skipped, Skipped) and (skipped.reason, "16 frames" in skipped.detail) == ("video", True)
    assert isinstance(notice, Notice) and notice.severity == "cut"


@pytest.mark.shared
async def test_inputs_from_public_reports(shared: Path) -> None:
    field = shared / "corpora/field"
    overlays = [
        await shown((field / f"dcm_overlay_bits_j2k/d2_overlaybits_{name}.dcm").read_bytes()) for name in ("native", "rle", "j2k")
    ]
    assert np.array_equal(overlays[0], overlays[1])
    assert np.abs(overlays[0] - overlays[2]).mean() < 1
    padded = await shown((field / "dcm_padding_range/d7_padrange.dcm").read_bytes())
    assert (padded == 255).mean() < 0.05 and padded.std() > 30
    [palette] = [one for one in await read((field / "dcm_palette_ok/d1_palette_ok.dcm").read_bytes()) if isinstance(one, Candidate)]
    assert Image.open(BytesIO(palette.data)).size == (338, 240)
    bare = await shown((field / "dcm_no_preamble_no_extension/d6_nopreamble").read_bytes())
    assert bare.std() > 30
    [_, inner] = await read((field / "dcm_encapsulated_pdf/d4_encpdf.dcm").read_bytes())
    assert isinstance(inner, InnerFile) and inner.data.startswith(b"%PDF-")

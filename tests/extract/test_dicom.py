"""DICOM frames as a screen shows them: files of the pydicom wheel, data sets made here, and every refusal with its error."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG4HP41,
    UID,
    BasicTextSRStorage,
    CTImageStorage,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    RTStructureSetStorage,
)

from server.contract.errors import Damaged, DocumentError, ImageTooLarge, NoImage
from server.contract.records import Candidate, Extracted, InnerFile, Notice, Skipped, Source
from server.extract.dicom_window import to_8_bits
from server.extract.dicom_worker import SAMPLED_FRAMES
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


async def test_a_real_ct_with_its_own_modality() -> None:
    title, candidate = await read(shipped("CT_small.dcm"))
    assert title == Notice(title="CT")
    assert isinstance(candidate, Candidate)
    assert (candidate.place.tag, candidate.place.page, candidate.place.kind) == ("CT", 1, "frame")
    image = Image.open(BytesIO(candidate.data))
    assert (image.format, image.size, image.mode) == ("PNG", (128, 128), "L")
    assert np.asarray(image).std() > 30


async def test_nothing_that_names_a_patient_leaves_the_file() -> None:
    data = made(BodyPartExamined="ABDOMEN", SeriesDescription="Jane Doe, follow-up", StudyDescription="Doe")
    found = await read(data)
    assert found[0] == Notice(title="CT ABDOMEN")
    assert not any(word in repr(found) for word in ("Doe", "Jane", "12345", "follow"))
    assert b"Doe" not in b"".join(one.data for one in found if isinstance(one, Candidate))


async def test_a_name_in_place_of_a_code_is_not_shown() -> None:
    data = made(BodyPartExamined="JANE DOE").replace(b"JANE DOE", b"Jane Doe")
    assert (await read(data))[0] == Notice(title="CT")


@pytest.mark.parametrize(
    "name",
    [
        "MR_small.dcm",
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
    ],
)
async def test_every_transfer_syntax_shows_the_same_scan(name: str) -> None:
    assert np.array_equal(await shown(shipped(name)), await shown(shipped("MR_small.dcm")))


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_gdcm.dcm", "SC_rgb_dcmtk_+eb+cy+n1.dcm", "SC_ybr_full_422_uncompressed.dcm"])
async def test_colour_comes_as_rgb(name: str) -> None:
    top = (await shown(shipped(name)))[5, 50]
    assert top[0] > 200 and max(top[1:]) < 60


async def test_palettes() -> None:
    pixels = await shown(shipped("examples_palette.dcm"))
    assert pixels.shape == (350, 800, 3)
    assert np.ptp(pixels, axis=2).max() > 50


async def test_window_and_rescale() -> None:
    """Stored 0..990, rescaled to -1000..-10; the window 200 wide around -500 shows -600..-400."""
    pixels = await shown(made(RescaleSlope="1", RescaleIntercept="-1000", WindowCenter="-500", WindowWidth="200"))
    row = pixels[40]
    assert row[39] == 0 and row[61] == 255 and 120 < row[50] < 135


async def test_the_first_of_several_windows_counts() -> None:
    several = await shown(made(WindowCenter=["500", "100"], WindowWidth=["200", "50"]))
    assert np.array_equal(several, await shown(made(WindowCenter="500", WindowWidth="200")))


async def test_sigmoid_windows() -> None:
    row = (await shown(made(WindowCenter="500", WindowWidth="200", VOILUTFunction="SIGMOID")))[40]
    assert 110 < row[50] < 145 and row[0] < 5 and row[99] > 250 and (np.diff(row) >= 0).all()


@pytest.mark.parametrize("window", [{}, {"WindowCenter": "90000", "WindowWidth": "10"}, {"WindowCenter": "5", "WindowWidth": "0"}])
async def test_without_a_window_that_shows_anything_the_range_is_stretched(window: dict[str, str]) -> None:
    row = (await shown(made(**window)))[40]
    assert row[0] == 0 and row[-1] == 255 and 120 < row[50] < 135


async def test_padding_does_not_squeeze_the_range() -> None:
    pixels = RAMP.astype(np.int16)
    pixels[:20] = -30000
    row = (await shown(made(pixels, PixelPaddingValue=-30000)))[40]
    assert row[0] == 0 and 120 < row[50] < 135


async def test_monochrome1_is_inverted() -> None:
    row = (await shown(made(PhotometricInterpretation="MONOCHROME1")))[40]
    assert row[0] == 255 and row[-1] == 0


async def test_a_window_of_the_frames_group_is_used() -> None:
    window, group = Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth = "500", "200"
    group.FrameVOILUTSequence = [window]
    row = (await shown(made(SharedFunctionalGroupsSequence=[group])))[40]
    assert row[39] == 0 and row[61] == 255


async def test_many_frames_are_sampled_evenly() -> None:
    found = [one for one in await read(made(frames=100)) if isinstance(one, Candidate)]
    pages = [one.place.page for one in found]
    assert len(pages) == SAMPLED_FRAMES and pages[0] == 1 and pages[-1] == 100
    steps = np.diff(np.array(pages, dtype=int))
    assert steps.max() - steps.min() <= 1


async def test_few_frames_all_come() -> None:
    found = [one for one in await read(made(frames=3)) if isinstance(one, Candidate)]
    assert [one.place.page for one in found] == [1, 2, 3]


async def test_small_frames_are_skipped() -> None:
    found = await read(made(RAMP[:32, :32]))
    assert [one.reason for one in found if isinstance(one, Skipped)] == ["too_small"]


@pytest.mark.parametrize("name", ["test-SR.dcm", "rtplan.dcm", "waveform_ecg.dcm", "rtstruct.dcm"])
async def test_a_file_without_pixels_says_what_it_is(name: str) -> None:
    with pytest.raises(DocumentError, match=r"holds no image \(.+ Storage\)") as caught:
        await read(shipped(name))
    assert caught.value.code == "unreadable"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (shipped("MR_truncated.dcm"), Damaged),
        (made()[:-4000], Damaged),
        (made(Rows=50_000, Columns=50_000), ImageTooLarge),
        (b"\0" * 128 + b"DICM" + b"\xff" * 60, DocumentError),
        (b"not a scan", DocumentError),
        (b"", DocumentError),
    ],
)
async def test_broken_files_are_refused_by_name(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        await read(data)


async def test_every_small_file_of_the_wheel_ends_in_images_or_an_error_of_ours() -> None:
    folder = Path(str(get_testdata_file("CT_small.dcm", download=False))).parent
    outcomes = []
    for path in sorted(folder.glob("*.dcm")):
        try:
            found = [one async for one in extract_dicom(Source("dicom", path.name, path=path), Settings(min_image_side=8))]
            outcomes.append(any(isinstance(one, Candidate) for one in found))
        except DocumentError:
            outcomes.append(False)
    assert sum(outcomes) >= 50


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

"""DICOM frames as a screen shows them: files of the pydicom wheel, data sets made here, and every refusal with its error."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from server.contract.errors import Damaged, DocumentError, ImageTooLarge
from server.contract.records import Candidate, Notice, Skipped, Source
from server.extract.dicom_worker import SAMPLED_FRAMES
from server.extract.readers import extract_dicom
from server.settings import Settings
from tests.extract.dicoms import RAMP, made, read, shipped, shown


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
        (made().replace(b"\x08\0\x60\0CS", b"\x08\0\x60\0C\xb5", 1), Damaged),
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

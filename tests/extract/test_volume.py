"""Volumes: planes of three directions as a screen shows them, whatever the order of axes in the file; sizes by the header."""

from __future__ import annotations

import gzip
import zlib
from io import BytesIO
from typing import Any

import nibabel
import nrrd
import numpy as np
import pytest
from PIL import Image

from server.contract.errors import Damaged, DocumentError, ImageTooLarge
from server.kinds.volume import PLANES
from server.source.open import open_upload
from tests.extract.packed import images, read_as, reasons

RAS, LPS = np.eye(4), np.diag([-1.0, -1, 1, 1])


def head() -> np.ndarray[Any, Any]:
    """80 x 96 x 72, axes to right, front and head. A ball, brighter to the right, and a bright block right, in front and above."""
    x, y, z = np.mgrid[0:80, 0:96, 0:72]
    values = np.where((x - 40) ** 2 + (y - 48) ** 2 + (z - 36) ** 2 < 30**2, 400 + 4 * x, 0).astype(np.int16)
    values[40:60, 60:80, 36:50] = 1000
    return values


def nifti(values: np.ndarray[Any, Any], affine: np.ndarray[Any, Any] = RAS, kind: Any = nibabel.Nifti1Image) -> bytes:
    return bytes(kind(values, affine).to_bytes())


def nrrd_bytes(values: np.ndarray[Any, Any], **header: Any) -> bytes:
    out = BytesIO()
    nrrd.write(out, values, {"encoding": "raw", **header})
    return out.getvalue()


def meta(values: np.ndarray[Any, Any], *lines: str, packed: bool = False) -> bytes:
    body = values.astype("<i2").tobytes(order="F")
    fields = [
        "ObjectType = Image", "NDims = 3", "BinaryData = True", "BinaryDataByteOrderMSB = False", f"CompressedData = {packed}",
        *lines, f"DimSize = {' '.join(map(str, values.shape))}", "ElementType = MET_SHORT", "ElementDataFile = LOCAL",
    ]  # fmt: skip
    return "\n".join(fields).encode() + b"\n" + (zlib.compress(body) if packed else body)


async def planes(name: str, data: bytes) -> list[np.ndarray[Any, Any]]:
    return [np.asarray(Image.open(BytesIO(one.data))) for one in images(await read_as(name, data, min_image_side=32))]


def flipped() -> np.ndarray[Any, Any]:
    return head()[::-1, ::-1]


LPS_DIRECTIONS = {"space": "left-posterior-superior", "space directions": np.eye(3), "space origin": [0, 0, 0]}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.nii", nifti(head())),
        ("a.nii.gz", gzip.compress(nifti(head()))),
        ("b.nii", nifti(flipped(), LPS)),
        ("c.nii", nifti(head(), kind=nibabel.Nifti2Image)),
        ("d.nii", nifti(np.stack([head(), head() * 0], axis=-1))),
        ("a.nrrd", nrrd_bytes(flipped(), **LPS_DIRECTIONS)),
        ("b.nrrd", nrrd_bytes(flipped(), **LPS_DIRECTIONS | {"encoding": "gzip"})),
        ("a.mha", meta(flipped())),
        ("b.mha", meta(flipped(), packed=True)),
    ],
)
async def test_every_format_shows_the_same_planes(name: str, data: bytes) -> None:
    assert open_upload("no name", data).kind == "volume"
    shown, expected = await planes(name, data), await planes("x.nii", nifti(head()))
    assert len(shown) == 3 * PLANES
    assert all(np.array_equal(one, other) for one, other in zip(shown, expected, strict=True))


async def test_the_patients_right_is_at_the_left_and_front_and_head_at_the_top() -> None:
    shown = await planes("a.nii", nifti(head()))
    sagittal, coronal, axial = (shown[PLANES * axis + PLANES // 2] for axis in range(3))
    assert (sagittal.shape, coronal.shape, axial.shape) == ((72, 96), (72, 80), (96, 80))
    assert axial[20:36, 25:38].min() > 230 and axial[60:90, 50:80].max() < 230  # front right
    assert coronal[30:36, 45:70].mean() < coronal[30:36, 10:35].mean()  # the ball is brighter towards the right


async def test_voxels_that_are_no_cubes_are_stretched() -> None:
    shown = await planes("a.nii", nifti(head()[:, :, ::3], np.diag([1.0, 1, 3, 1])))
    assert shown[0].shape == (72, 96)


async def test_hounsfield_units_are_shown_in_the_window_of_soft_tissue() -> None:
    values = np.full((64, 64, 64), -1000, np.int16)
    values[16:48, 16:48, 16:48], values[30:34, 30:34, 30:34] = 40, 1500
    middle = (await planes("a.nii", nifti(values)))[PLANES // 2]
    assert (middle[0, 0], middle[32, 32]) == (0, 255) and 120 < middle[20, 20] < 135


async def test_volumes_over_the_limit_are_refused_by_their_header() -> None:
    for name, data in (("a.nii", nifti(head())), ("a.mha", meta(head())), ("a.nrrd", nrrd_bytes(head()))):
        with pytest.raises(ImageTooLarge, match="80 x 96 x 72 voxels"):
            await read_as(name, data, {"max_voxels": 80 * 96 * 72 // 8})


async def test_bombs_are_not_unpacked() -> None:
    with pytest.raises(ImageTooLarge):
        await read_as("a.nii.gz", gzip.compress(nifti(head()) + bytes(200_000_000)))
    bomb = nrrd_bytes(head(), encoding="gzip").split(b"\n\n", 1)[0] + b"\n\n" + gzip.compress(bytes(100_000_000))
    with pytest.raises(ImageTooLarge):
        await read_as("a.nrrd", bomb)
    with pytest.raises(Damaged):
        await read_as("a.mha", b"ObjectType = Image\nNDims = 3\n" + b"x" * 20_000)


@pytest.mark.parametrize(
    "data", [nifti(head())[:400], meta(head())[:-10], nrrd_bytes(head())[:500], nifti(head())[:348] + b"\0" * 30]
)
async def test_a_cut_volume_is_damaged(data: bytes) -> None:
    with pytest.raises(DocumentError):
        await read_as("x.nii", data)


async def test_values_in_another_file_are_said_to_be_there() -> None:
    with pytest.raises(Damaged, match="in another file"):
        await read_as("a.mha", meta(head()).split(b"LOCAL")[0] + b"/etc/passwd\n")
    with pytest.raises(Damaged, match="in another file"):
        await read_as("a.nrrd", nrrd_bytes(head()).replace(b"encoding: raw", b"encoding: raw\ndata file: /etc/passwd"))


async def test_thin_planes_are_too_small() -> None:
    found = await read_as("a.nii", nifti(head()[:, :, :10]))
    assert len(images(found)) == PLANES and set(reasons(found)) == {"too_small"}

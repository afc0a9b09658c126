"""Opens volumes from bytes: NIfTI with nibabel, NRRD with pynrrd, MetaImage by its specification (its library, ITK, has 50 MB).

The size in the header is checked before values are read. Values in other files than the header are not read.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import nibabel
import nrrd
import numpy as np
import numpy.typing as npt

from server.contract.errors import Damaged, ImageTooLarge
from server.kinds.volume import is_nifti, is_nrrd

_nibabel: Any = nibabel  # its functions have no types
# Directions of the axes in the patient: in LPS they point to left, back and head; here all volumes point to right, front, head
# (RAS).
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_META_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_META_HEADER = 16 * 1024  # bytes; the header of a MetaImage has some hundred


@dataclass(frozen=True, slots=True)
class Volume:
    """`values`: (x, y, z), or (x, y, z, 3) in RGB, with axes that point to right, front and head. `spacing`: size of a voxel.

    `window`: the values shown as black and as white, if they are known.
    """

    values: npt.NDArray[Any]
    spacing: Sequence[float]
    window: tuple[float, float] | None = None


def read_volume(data: bytes, max_voxels: int) -> Volume:
    """The first point in time of a volume. Raises Damaged, ImageTooLarge, and whatever the libraries raise."""
    if is_nifti(data):
        return _nifti(data, max_voxels)
    return _nrrd(data, max_voxels) if is_nrrd(data) else _meta(data, max_voxels)


def _nifti(data: bytes, max_voxels: int) -> Volume:
    kind = _nibabel.Nifti2Image if data[4:6] in (b"n+", b"ni") else _nibabel.Nifti1Image
    image = kind.from_bytes(data)
    shape = _checked(image.shape[:3], max_voxels)
    values: Any = image.dataobj
    if (channels := image.get_data_dtype().names) is not None:  # RGB24
        stored = np.asarray(values.get_unscaled())
        colours = np.stack([stored[name] for name in channels[:3]], axis=-1)
        return _upright(colours.reshape(*shape, -1, 3)[..., 0, :], image.affine)
    for _ in image.shape[3:]:
        values = values[..., 0]
    return _upright(np.asarray(values).reshape(shape), image.affine)


def _nrrd(data: bytes, max_voxels: int) -> Volume:
    stream = BytesIO(data)
    header = nrrd.read_header(stream)
    if "data file" in header or "datafile" in header:
        raise Damaged("the NRRD holds only a header; its values are in another file")
    sizes = [int(size) for size in header["sizes"]]
    _checked(sizes, 4 * max_voxels)
    if header.get("encoding") in ("gzip", "gz", "bzip2", "bz2"):
        _check_unpacked(data[stream.tell() :], math.prod(sizes) * 8)
    values = nrrd.read_data(header, stream)
    directions = header.get("space directions")
    spacings = [1.0 if math.isnan(one) else abs(float(one)) for one in header.get("spacings", ())]
    affine = np.diag([*[1.0, 1.0, 1.0, *spacings][-3:], 1.0])
    if directions is not None:
        usable = [axis for axis, row in enumerate(directions) if row is not None and not np.isnan(row).any()]
        values = np.moveaxis(values, usable, range(len(usable)))
        affine = np.eye(4)
        affine[:3, : len(usable)] = np.array([directions[axis] for axis in usable], dtype=float).T
        if str(header.get("space", "")).lower() in ("left-posterior-superior", "lps", "scanner-xyz"):
            affine = _LPS @ affine
    elif values.ndim > 3 and values.shape[0] == 3 and values.dtype == np.uint8:
        values = np.moveaxis(values, 0, -1)
    return _upright(_three(values), affine)


def _meta(data: bytes, max_voxels: int) -> Volume:
    fields: dict[str, str] = {}
    at = 0
    while "ElementDataFile" not in fields:
        end = data.find(b"\n", at, _META_HEADER)
        if end < 0:
            raise Damaged("the header of the MetaImage has no end")
        name, _, value = data[at:end].decode("ascii", "replace").partition("=")
        fields[name.strip()], at = value.strip(), end + 1
    if fields["ElementDataFile"] != "LOCAL":
        raise Damaged("the MetaImage holds only a header; its values are in another file")
    shape = [int(size) for size in fields["DimSize"].split()]
    channels = int(fields.get("ElementNumberOfChannels", 1))
    _checked(shape, max_voxels)
    order = ">" if fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False")).lower() == "true" else "<"
    kind = np.dtype(order + _META_TYPES[fields["ElementType"]])
    size = math.prod(shape) * channels * kind.itemsize
    body = data[at:]
    if fields.get("CompressedData", "False").lower() == "true":
        body = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, size)
    if len(body) < size:
        raise Damaged("the MetaImage breaks off")
    values = np.frombuffer(body[:size], dtype=kind).reshape((*shape[::-1], channels)).T
    values = np.moveaxis(values, 0, -1) if channels > 1 else values[0]
    affine = np.eye(4)
    turn = np.array([float(one) for one in fields.get("TransformMatrix", "1 0 0 0 1 0 0 0 1").split()])
    spacing = [float(one) for one in fields.get("ElementSpacing", "1 1 1").split()]
    if len(shape) == 3 and turn.size == 9:
        affine[:3, :3] = turn.reshape(3, 3).T * np.array(spacing)
    return _upright(_three(values), _LPS @ affine)


def _three(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values as (x, y, z) or (x, y, z, 3): a plane becomes a volume of one, of several points in time the first is used."""
    if values.ndim == 2:
        values = values[..., None]
    while values.ndim > 4 or (values.ndim == 4 and not (values.shape[3] == 3 and values.dtype == np.uint8)):
        values = values[..., 0]
    return values


def _upright(values: npt.NDArray[Any], affine: npt.NDArray[Any]) -> Volume:
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9 or None in _nibabel.aff2axcodes(affine):
        affine = np.eye(4)
    turn = _nibabel.orientations.io_orientation(affine)
    spacing = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    ordered = [float(spacing[int(np.flatnonzero(turn[:, 0] == axis)[0])]) or 1.0 for axis in range(3)]
    return Volume(_nibabel.orientations.apply_orientation(values, turn), ordered)


def _checked(shape: Sequence[int], max_voxels: int) -> tuple[int, ...]:
    """The shape, with three axes. Raises Damaged, ImageTooLarge."""
    if not shape or any(size < 1 for size in shape):
        raise Damaged("the volume is empty")
    if math.prod(int(size) for size in shape) > max_voxels:
        raise ImageTooLarge(f"{' x '.join(map(str, shape))} voxels are more than the {max_voxels} that are read")
    return (*map(int, shape), 1, 1)[:3]


def _check_unpacked(packed: bytes, most: int) -> None:
    """Raise ImageTooLarge if gzip data unpacks to more than `most` bytes. bzip2 data is bounded by the child's memory."""
    if not packed.startswith(b"\x1f\x8b"):
        return
    stream, left = zlib.decompressobj(zlib.MAX_WBITS | 32), most
    while packed and not stream.eof:
        left -= len(stream.decompress(packed, 1 << 20))
        packed = stream.unconsumed_tail
        if left < 0:
            raise ImageTooLarge("the NRRD unpacks to more than its header says")

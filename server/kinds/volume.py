"""Volumes in the formats of research: NIfTI, NRRD and MetaImage, compressed with gzip or not."""

from __future__ import annotations

from server.kinds.kind import Kind
from server.kinds.packed import LIMITS, gunzipped

# Most voxels of a volume at one point in time: 512 x 512 x 512, which take 512 MiB as floats.
MAX_VOXELS = 512**3
# Planes that are read in each of the three directions, including the middle one.
PLANES = 5


def is_nifti(head: bytes) -> bool:
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0")


def is_nrrd(head: bytes) -> bool:
    return head.startswith(b"NRRD000")


def is_meta(head: bytes) -> bool:
    lines = head[:512].split(b"\n", 2)
    return len(lines) > 1 and lines[0].split(b"=")[0].strip() in (b"ObjectType", b"NDims", b"Comment") and b"NDims" in head[:512]


def _matches(head: bytes, _: str) -> bool:
    inner = gunzipped(head) or head
    return is_nifti(inner) or is_nrrd(inner) or is_meta(inner)


KIND = Kind(
    "volume",
    "volume (NIfTI, NRRD, MetaImage)",
    "server.extract.volume_worker",
    "frame",
    (".nii", ".nrrd", ".mha"),
    matches=_matches,
    limits={**LIMITS, "max_voxels": MAX_VOXELS, "planes": PLANES},
)

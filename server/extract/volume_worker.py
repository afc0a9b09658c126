"""Reads a volume in the child of server/sandbox/child.py: the middle and an even sample of its planes in each direction, as PNG.

Planes are oriented as in radiology: the patient's right is at the left, front or head at the top; voxels that are not cubes are
stretched. Names and dates in the header are not read. readers.py describes the frames; `page` is the number of the plane.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from server.contract.errors import Damaged, ImageTooLarge, MedlensError, TooLarge
from server.extract.unpacking import Bounds, unpacked_stream
from server.extract.volumes import Volume, read_volume
from server.imaging.decode import to_png
from server.sandbox.protocol import Pipe

# Pixels of a plane's longer side.
PLANE_SIDE = 1024
# Percent of the values clipped at both ends if no window is known, so that single bright voxels do not set the range.
CLIPPED_PERCENT = 0.5
# A volume with values below AIR is taken as CT in Hounsfield units, and shown in the window of soft tissue: centre, width.
AIR, SOFT_TISSUE = -500, (40.0, 400.0)
# Voxels that are sampled for the range.
SAMPLED = 1_000_000


def serve(pipe: Pipe) -> None:
    if (request := pipe.receive()) is None:
        return
    job, data = request
    bounds = Bounds(job, len(data))
    try:
        if data.startswith(b"\x1f\x8b"):
            data = bounds.read(unpacked_stream(data), "the volume")
        volume = read_volume(data, int(job["max_voxels"]))
    except MemoryError:
        raise ImageTooLarge("the volume needs more memory than its reader may have") from None
    except TooLarge as error:
        raise ImageTooLarge(str(error)) from None
    except MedlensError:
        raise
    except Exception as error:  # parsers of hostile bytes raise anything
        raise Damaged(f"the volume does not open: {str(error)[:200] or type(error).__name__}") from None
    volume = replace(volume, window=volume.window or window_of(volume.values))
    number = 0
    for axis in range(3):
        for index in _sample(volume.values.shape[axis], int(job["planes"])):
            number += 1
            pipe.send({"page": number})
            place = {"page": number, "box": None}
            image = plane(volume, axis, index)
            if min(image.size) < int(job["min_side"]):
                pipe.send({"skip": "too_small", "detail": "", **place})
            else:
                pipe.send({"image": None, **place}, to_png(image))
    pipe.send({"end": True})


def _sample(size: int, planes: int) -> list[int]:
    """The indices of an even sample of planes, with the middle one and without the outermost ones, which are mostly empty."""
    return sorted({size * (step + 1) // (planes + 1) for step in range(min(planes, size))})


def plane(volume: Volume, axis: int, index: int) -> Image.Image:
    """One plane across `axis` (0: sagittal, 1: coronal, 2: axial) of a volume whose axes point to right, front and head."""
    values = np.take(volume.values, index, axis=axis)
    across, down = [volume.spacing[one] for one in range(3) if one != axis]
    image = Image.fromarray(_grey(values, volume).swapaxes(0, 1)[::-1, ::-1])
    width, height = image.width * across, image.height * down
    scale = min(max(image.width / width, image.height / height), PLANE_SIDE / max(width, height))
    return image.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BILINEAR)


def _grey(values: npt.NDArray[Any], volume: Volume) -> npt.NDArray[np.uint8]:
    if values.ndim == 3:
        return np.asarray(values, dtype=np.uint8)
    low, high = volume.window or window_of(values)
    real = np.nan_to_num(values.astype(np.float32))
    return np.asarray(np.clip((real - low) * (255.0 / ((high - low) or 1.0)), 0, 255), dtype=np.uint8)


def window_of(values: npt.NDArray[Any]) -> tuple[float, float]:
    """The values that are shown as black and as white."""
    step = max(1, round((values.size / SAMPLED) ** (1 / 3)))
    sample = np.nan_to_num(values[::step, ::step, ::step].astype(np.float32))
    if float(sample.min()) < AIR and float(sample.max()) <= 32767:
        centre, width = SOFT_TISSUE
        return centre - width / 2, centre + width / 2
    inside = sample[sample != sample.ravel()[0]]  # without the air around a head, which would take half of the range
    low, high = (
        float(value) for value in np.percentile(inside if inside.size else sample, (CLIPPED_PERCENT, 100 - CLIPPED_PERCENT))
    )
    return low, high

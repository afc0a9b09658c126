"""Turns the values of a decoded DICOM frame into 8-bit grey or RGB: rescale, window or lookup table, inversion, palette."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi

# Percent of the values clipped at both ends when a file has no usable window, so that metal does not set the range.
CLIPPED_PERCENT = 0.5

Values = npt.NDArray[Any]
Greys = npt.NDArray[np.uint8]


def to_8_bits(values: Values, dataset: Any, frame: int) -> Greys:
    """Turn one decoded frame, (rows, columns) or (rows, columns, 3), into 8-bit grey or RGB of the same shape."""
    kind = str(dataset.get("PhotometricInterpretation", "MONOCHROME2")).strip()
    if kind == "PALETTE COLOR":
        colours = apply_color_lut(values, dataset)[..., :3]
        return _eight_bits(colours, 8 if _has_8_bit_entries(dataset) else 0)
    if values.ndim == 3:
        return _eight_bits(values, int(dataset.get("BitsStored") or 8))
    values = _stored_bits(values, dataset)
    inside = _inside(values, dataset)
    grey = _windowed(values, inside, dataset, frame)
    return np.where(inside, 255 - grey if kind == "MONOCHROME1" else grey, np.uint8(0))


def _stored_bits(values: Values, dataset: Any) -> Values:
    """The values without the bits above BitsStored, in which old files store an overlay; in compressed files they are undefined."""
    stored = int(dataset.get("BitsStored") or 0)
    if values.dtype.kind not in "iu" or not 0 < stored < values.dtype.itemsize * 8:
        return values
    kept = values & values.dtype.type((1 << stored) - 1)
    if not dataset.get("PixelRepresentation"):
        return np.asarray(kept)
    half = values.dtype.type(1 << (stored - 1))
    return np.asarray((kept ^ half) - half)  # the highest stored bit is the sign


def _inside(values: Values, dataset: Any) -> npt.NDArray[np.bool_]:
    """Where `values` are not padding (one value, or a range), which is shown black. If everything is padding, all values count."""
    padding, limit = dataset.get("PixelPaddingValue"), dataset.get("PixelPaddingRangeLimit")
    if not isinstance(padding, int):
        return np.ones(values.shape, dtype=bool)
    low, high = sorted((padding, limit if isinstance(limit, int) else padding))
    inside = (values < low) | (values > high)
    return np.asarray(inside if inside.any() else np.ones(values.shape, dtype=bool))


def _has_8_bit_entries(dataset: Any) -> bool:
    """Whether a palette declared with 16 bits has entries of 8 bits, none of them larger than 255."""
    names = ("RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData")
    tables = [np.frombuffer(bytes(table)[: len(table) // 2 * 2], dtype="<u2") for name in names if (table := dataset.get(name))]
    return len(tables) == len(names) and max(int(table.max(initial=0)) for table in tables) <= 255


def _windowed(values: Values, inside: npt.NDArray[np.bool_], dataset: Any, frame: int) -> Greys:
    transform = _item_of_frame(dataset, frame, "PixelValueTransformationSequence")
    real = np.asarray(apply_modality_lut(values, transform), dtype=np.float64)
    if "VOILUTSequence" in dataset:
        return _stretched(np.asarray(apply_voi(real.astype(np.int64), dataset), dtype=np.float64), inside)
    window = _item_of_frame(dataset, frame, "FrameVOILUTSequence")
    centre, width = _first(window.get("WindowCenter")), _first(window.get("WindowWidth"))
    if centre is None or width is None or width <= 0:
        return _stretched(real, inside)
    if str(window.get("VOILUTFunction", "LINEAR")).strip() == "SIGMOID":
        share = 1 / (1 + np.exp(np.clip(-4 * (real - centre) / width, -500, 500)))
    else:
        share = (real - (centre - 0.5)) / max(width - 1, 1.0) + 0.5
    grey = np.asarray(np.clip(share, 0, 1) * 255, dtype=np.uint8)
    return grey if grey.min() < grey.max() else _stretched(real, inside)


def _stretched(values: npt.NDArray[np.float64], inside: npt.NDArray[np.bool_]) -> Greys:
    """Stretch the whole range over 256 greys, for files without a window."""
    values = np.where(np.isfinite(values), values, 0.0)
    sample = values[inside] if inside.any() else values
    low, high = (float(value) for value in np.percentile(sample, (CLIPPED_PERCENT, 100 - CLIPPED_PERCENT)))
    if not high > low:
        low, high = float(sample.min()), float(sample.max())
    return np.asarray(np.clip((values - low) / ((high - low) or 1.0), 0, 1) * 255, dtype=np.uint8)


def _item_of_frame(dataset: Any, frame: int, name: str) -> Any:
    """The item that holds the frame's attributes: its own, the one shared by all frames, or the data set itself."""
    for sequence, index in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        groups = dataset.get(sequence)
        if groups and index < len(groups) and groups[index].get(name):
            return groups[index].get(name)[0]
    return dataset


def _first(value: Any) -> float | None:
    """The first of the values: a file may contain several windows, and the first is the default."""
    try:
        return float(next(iter(value)) if isinstance(value, Iterable) and not isinstance(value, str) else value)
    except (StopIteration, TypeError, ValueError):
        return None


def _eight_bits(values: Values, stored: int = 0) -> Greys:
    if values.dtype == np.uint8 and stored in (0, 8):
        return np.asarray(values, dtype=np.uint8)
    bits = stored or values.dtype.itemsize * 8
    return np.asarray(np.clip(values.astype(np.float64) * (255.0 / (2**bits - 1)), 0, 255), dtype=np.uint8)

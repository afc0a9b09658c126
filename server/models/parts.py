"""Compound figures read in parts: one larger pass of the network over the whole image, and which modality stands in each cell.

Scans beside charts, in rows, on slides or in screenshots are too small to recognise after the resize to a small square. A gate on
the features of the ordinary pass selects images that may be such figures; only these get the larger pass. `parts.safetensors` holds
the gate, the cells' head and the weights of both passes; server/training/parts/fit_parts.py fits it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open
from scipy import ndimage

from server.contract.errors import ModelError, WeightsMissing
from server.contract.modalities import MODALITIES, NON_MEDICAL, Modality
from server.contract.records import Box
from server.models.calibration import Floats, probabilities
from server.models.preprocess import REDUCING_GAP, Bytes

CARD = "medlens"
FORMAT = 1
NON = MODALITIES.index(NON_MEDICAL)
# Width and height of the larger pass, multiples of a cell's side, all of about the same area; the one nearest in shape is taken,
# so that panels keep theirs.
SHAPES = ((448, 448), (512, 384), (384, 512), (640, 320), (320, 640), (832, 256), (256, 832))
LEAST_FIGURE = 160  # pixels of the long side in the original: in smaller images no panel shows anything
REGION_FROM = 0.3  # P(medical) of a cell from which its region is judged by itself
MOST_REGIONS = 12  # of a figure, each costs a pass of its own; the largest are kept
CERTAIN = 1e-4  # probabilities are kept this far from 0 and 1 before their logit is taken
TENSORS = ("gate.weight", "gate.bias", "cell.weight", "cell.bias", "weigh")


@dataclass(frozen=True, slots=True)
class Figure:
    """The result of the larger pass: P(a part is medical), the six chances of the whole image, the modalities, the parts' boxes.

    `regions` are boxes (x, y, width, height) as shares of the image, the largest first; empty where no region is medical.
    """

    medical: float
    chances: Floats
    contains: tuple[Modality, ...]
    regions: tuple[Box, ...]


@dataclass(frozen=True)
class PartReader:
    """`gate` on features [f], `cell` on a cell's channels [c]; `weigh` [3]: on 1 and the logits of P(medical) of the whole and of
    the strongest cell. `open_from` and `named_from`: the least gate probability, and the least of a modality in a cell."""

    gate: Floats
    gate_bias: float
    cell: Floats  # [6, c]
    cell_bias: Floats
    weigh: Floats
    open_from: float
    named_from: float

    def may_be_figure(self, features: Floats) -> NDArray[np.bool_]:
        """[n] from the ordinary pass's features [n, f]: whether the image may be a figure with a medical part."""
        logits = features[:, : len(self.gate)] @ self.gate + self.gate_bias
        return np.asarray(logits >= log(self.open_from / (1 - self.open_from)))

    def cells(self, channels: Floats) -> Floats:
        """Probabilities [h, w, 6] of the channels [c, h, w] of an image's cells."""
        height, width = channels.shape[1:]
        logits = channels.reshape(len(channels), -1).T @ self.cell.T + self.cell_bias
        return probabilities(np.asarray(logits, np.float32)).reshape(height, width, len(MODALITIES))

    def read(self, channels: Floats, whole: Floats) -> Figure:
        """The figure of cells with `channels` [c, h, w]. `whole` [6]: the chances from the ordinary pass."""
        cells = self.cells(channels)
        medical = float(1 / (1 + np.exp(-(self.weigh @ evidence(cells, whole)))))
        shares = modality_shares(cells, whole)
        chances = np.append(shares * medical, 1 - medical).astype(np.float32)
        return Figure(medical, chances, contained(cells, shares, self.named_from), regions(cells))


def evidence(cells: Floats, whole: Floats) -> Floats:
    """[3]: 1, and the logits of P(medical) of the whole and of the strongest cell.

    One cell, because a small scan may fill no more.
    """
    chances = np.clip([1 - whole[NON], 1 - cells[..., NON].min()], CERTAIN, 1 - CERTAIN)
    return np.append(1.0, np.log(chances / (1 - chances))).astype(np.float32)


def modality_shares(cells: Floats, whole: Floats) -> Floats:
    """[5], sums to 1: the medical modalities' shares of the figure, from its surest cells and the prediction for the whole."""
    flat = cells.reshape(-1, len(MODALITIES))
    strength = (1 - flat[:, NON]) ** 4  # so that the surest cells count
    by_cells = strength @ flat[:, :NON] / max(float(strength.sum()), CERTAIN) + CERTAIN
    by_whole = whole[:NON] + CERTAIN
    mixed = (by_cells / by_cells.sum()) ** 0.75 * (by_whole / by_whole.sum()) ** 0.25
    return np.asarray(mixed / mixed.sum(), np.float32)


def contained(cells: Floats, shares: Floats, least: float) -> tuple[Modality, ...]:
    """The modalities that some cell shows with at least this probability, or else the likeliest."""
    strongest = cells[..., :NON].reshape(-1, NON).max(0)
    named = tuple(MODALITIES[i] for i in range(NON) if strongest[i] >= least)
    return named or (MODALITIES[int(shares.argmax())],)


def regions(cells: Floats) -> tuple[Box, ...]:
    """Boxes of neighbouring cells that may be medical, as shares of the image, the largest first."""
    height, width = cells.shape[:2]
    found: Any = ndimage.find_objects(ndimage.label(1 - cells[..., NON] >= REGION_FROM)[0])
    spans = [(across.start, down.start, across.stop - across.start, down.stop - down.start) for down, across in found]
    largest = sorted(spans, key=lambda span: -span[2] * span[3])[:MOST_REGIONS]
    return tuple((x / width, y / height, w / width, h / height) for x, y, w, h in largest)


def shape_for(width: int, height: int) -> tuple[int, int]:
    """Of SHAPES the one nearest to the image's own."""
    return min(SHAPES, key=lambda shape: abs(log(shape[0] * height / (shape[1] * width))))


def to_shape(image: Image.Image) -> Bytes:
    """uint8 [h, w, 3] of the RGB image, squeezed into the nearest of SHAPES."""
    return np.asarray(image.resize(shape_for(*image.size), Image.Resampling.BILINEAR, reducing_gap=REDUCING_GAP), np.uint8)


def open_parts(path: Path, network: str) -> PartReader:
    """The part reader at `path`, fitted to the body of digest `network`. Raises WeightsMissing or ModelError."""
    if not path.is_file():
        raise WeightsMissing(f"no part reader at {path}; `medlens train cnn` makes it")
    try:
        with safe_open(path, framework="np") as file:
            card = json.loads((file.metadata() or {})[CARD])
            gate, gate_bias, cell, cell_bias, weigh = (file.get_tensor(name).astype(np.float32) for name in TENSORS)
        if card["format"] != FORMAT or tuple(card["classes"]) != MODALITIES:
            raise ModelError(f"{path.name} was written by another version; `medlens train cnn` makes it again")
        if card["backbone"] != network:
            raise ModelError(f"{path.name} was fitted to another body than cnn.safetensors; `medlens train cnn` fits it again")
        return PartReader(gate, float(gate_bias[0]), cell, cell_bias, weigh, float(card["open_from"]), float(card["named_from"]))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path.name} holds no part reader, or is damaged ({error})") from None


def union(found: Sequence[tuple[Modality, ...]]) -> tuple[Modality, ...]:
    """All modalities named, in the order of MODALITIES."""
    return tuple(name for name in MODALITIES if any(name in some for some in found))

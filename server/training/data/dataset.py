"""Labelled images: a manifest (or a folder per class) read into rows, and their pixels kept decoded in one memory-mapped file.

Decoding 12,905 JPEGs takes half a minute an epoch of two cores; the cache makes it once.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.contract.errors import NotFound, RequestError
from server.contract.modalities import MODALITIES

CACHE_SIDE = 480  # longest side kept; the data's own limit, three times what the network reads of a long image
CACHE_SHORT = 256  # shortest side kept
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")


Progress = Callable[[str, int, int], None]  # task, done, total


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled image. `origin`: the data set it stems from, the unit of every split. Empty fields are unknown."""

    file: Path
    label: str
    kind: str = ""
    origin: str = ""
    group: str = ""
    path: str = ""
    licence_class: str = ""


def read_rows(data: Path) -> list[Row]:
    """Rows of DIR/manifest.csv, of a manifest file, or of DIR/<class>/**; raises NotFound or RequestError in one line."""
    manifest = data / "manifest.csv" if data.is_dir() else data
    if manifest.is_file():
        return _from_manifest(manifest)
    if not data.is_dir():
        raise NotFound(f"{data} is neither a folder nor a manifest")
    rows = [
        Row(file, folder.name, origin=folder.name)
        for folder in sorted(data.iterdir())
        if folder.name in MODALITIES
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in SUFFIXES
    ]
    if not rows:
        raise RequestError(f"{data} holds neither manifest.csv nor folders named {', '.join(MODALITIES)}")
    return rows


def _from_manifest(manifest: Path) -> list[Row]:
    with manifest.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if not {"file", "label"} <= set(reader.fieldnames or ()):
            raise RequestError(f"{manifest} needs the columns file and label")
        rows = []
        for line in reader:
            if line["label"] not in MODALITIES:
                raise RequestError(f"{manifest} line {reader.line_num}: label {line['label']!r} is none of {', '.join(MODALITIES)}")
            extra = {name: line.get(name) or "" for name in ("kind", "origin", "group", "path", "licence_class")}
            rows.append(Row(manifest.parent / line["file"], line["label"], **extra))
    if not rows:
        raise RequestError(f"{manifest} has no rows")
    return rows


def data_sha256(rows: Sequence[Row]) -> str:
    """Hash of the training data: names, labels and origins, in order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row.file.name}\t{row.label}\t{row.origin}\n".encode())
    return digest.hexdigest()


class PixelCache:
    """`cache[i]` -> uint8 [h, w, 3] of row i. Built once under `folder`, rebuilt when the rows are others."""

    def __init__(self, rows: Sequence[Row], folder: Path, progress: Progress | None = None) -> None:
        key = data_sha256(rows)[:16]
        self.pixels_file, self.index_file = folder / f"pixels-{key}.bin", folder / f"pixels-{key}.json"
        if not self.index_file.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            self._build(rows, progress)
        index: list[list[int]] = json.loads(self.index_file.read_text())
        self.index: NDArray[np.int64] = np.asarray(index, np.int64)
        self._pixels: NDArray[np.uint8] = np.memmap(self.pixels_file, np.uint8, "r")

    def _build(self, rows: Sequence[Row], progress: Progress | None) -> None:
        index: list[tuple[int, int, int]] = []
        at = 0
        with self.pixels_file.open("wb") as out:
            for row in rows:
                with Image.open(row.file) as image:
                    pixels = np.asarray(_small(image), np.uint8)
                out.write(pixels.tobytes())
                index.append((at, pixels.shape[0], pixels.shape[1]))
                at += pixels.size
                if progress:
                    progress("decoding", len(index), len(rows))
        self.index_file.write_text(json.dumps(index))

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, i: int) -> NDArray[np.uint8]:
        at, height, width = (int(value) for value in self.index[i])
        return self._pixels[at : at + height * width * 3].reshape(height, width, 3)


def _small(image: Image.Image) -> Image.Image:
    """RGB, the short side at most CACHE_SHORT and the long one at most CACHE_SIDE."""
    rgb = image.convert("RGB")
    scale = min(1.0, CACHE_SHORT / min(rgb.size), CACHE_SIDE / max(rgb.size))
    if scale == 1.0:
        return rgb
    return rgb.resize((max(1, round(rgb.width * scale)), max(1, round(rgb.height * scale))), Image.Resampling.LANCZOS)

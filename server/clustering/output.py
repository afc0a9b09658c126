"""The files that `medlens cluster` writes: a CSV with one line per image, a folder per cluster, and the cluster sheet as a PNG."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from server.clustering.cluster import MEDICAL, Cluster, Clustering
from server.contract.csv_table import write_csv
from server.contract.errors import RequestError
from server.contract.modalities import MODALITIES, MODALITY_NAMES, colours
from server.contract.percent import percent

COLUMNS = ("file", "cluster", "name", "confidence", "distance")
UNSAFE = re.compile(r"[^\w.-]+")

# The sheet, in pixels. Nine images in a row show what a cluster holds, and fit a page at half size.
NEAREST = 9
TILE, GAP, MARGIN, LABEL = 148, 12, 40, 250
HEAD, ROW = 128, 148 + 28
ROWS_SHOWN = 40  # a longer sheet is not read to its end
PAPER, CARD, INK, FAINT, RULE = "#f6f7f9", "#ffffff", "#1b2430", "#66717f", "#e1e5ea"
COLOURS = dict(zip(MODALITIES, colours("light"), strict=True)) | {MEDICAL: INK}
NAMES = {**MODALITY_NAMES, MEDICAL: "Medical"}
OWN_COLOUR = "#8a6d00"  # of a user's own classes


def save_table(found: Clustering, out: Path) -> None:
    """Write COLUMNS, one line per image. `file` is relative to the folder, `confidence` is that of the cluster's name."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        write_csv(file, [COLUMNS, *_rows(found)])
    part.replace(out)


def _rows(found: Clustering) -> Iterator[tuple[object, ...]]:
    for path, number, distance in zip(found.files, found.cluster, found.distance, strict=True):
        one = found.clusters[number]
        name = path.relative_to(found.folder).as_posix()
        yield name, int(number), one.name, round(one.confidence, 4), round(float(distance), 4)


def sort_into_folders(found: Clustering, target: Path) -> list[Path]:
    """Copy each image into `target`/NN-name/, named by its path with dashes for separators; returns the folders in order.

    Raises RequestError when `target` is inside the folder that was read, because the next run would read the copies too.
    """
    if target.resolve().is_relative_to(found.folder.resolve()):
        raise RequestError(f"--folders {target} is inside {found.folder}; choose a folder outside it")
    folders = [target / folder_name(number, one) for number, one in enumerate(found.clusters)]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    for path, number in zip(found.files, found.cluster, strict=True):
        shutil.copyfile(path, folders[number] / "-".join(path.relative_to(found.folder).parts))
    return folders


def folder_name(number: int, cluster: Cluster) -> str:
    return f"{number:02d}-{UNSAFE.sub('-', cluster.name).strip('-.') or 'cluster'}"


def draw_sheet(found: Clustering, out: Path) -> None:
    """One row per cluster: its name, its size, the confidence of the name, and the images nearest to its centre."""
    shown = min(len(found.clusters), ROWS_SHOWN)
    width = MARGIN * 2 + LABEL + NEAREST * (TILE + GAP) - GAP + 24
    sheet = Image.new("RGB", (width, HEAD + shown * (ROW + GAP) + MARGIN), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN, 34), f"{_plural(len(found.files), 'image')} in {_plural(len(found.clusters), 'cluster')}", INK, _font(34))
    pen.text((MARGIN, 82), _subtitle(found, shown), FAINT, _font(17))
    for number in range(shown):
        _draw_row(sheet, pen, found, number, HEAD + number * (ROW + GAP), width)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    sheet.save(part, "PNG", optimize=True)
    part.replace(out)


def _subtitle(found: Clustering, shown: int) -> str:
    parts = [f"features: {found.features}", "nearest to each centre first"]
    if found.silhouette is not None:
        parts.insert(1, f"silhouette {found.silhouette:.2f}")
    if found.renamed:
        parts.append("names are relative: all clusters looked alike to CLIP")
    if found.skipped:
        parts.append(f"{_plural(len(found.skipped), 'file')} not readable")
    if shown < len(found.clusters):
        parts.append(f"the largest {shown} shown")
    return "   ·   ".join(parts)


def _draw_row(sheet: Image.Image, pen: ImageDraw.ImageDraw, found: Clustering, number: int, top: int, width: int) -> None:
    one = found.clusters[number]
    colour = COLOURS.get(one.name, OWN_COLOUR)
    pen.rounded_rectangle((MARGIN, top, width - MARGIN, top + ROW), 12, CARD, RULE)
    pen.rounded_rectangle((MARGIN, top, MARGIN + 6, top + ROW), 3, colour)
    left = MARGIN + 28
    pen.text((left, top + 34), _fitted(NAMES.get(one.name, one.name), LABEL - 36), colour, _font(25))
    pen.text((left, top + 72), f"cluster {number}  ·  {_plural(one.size, 'image')}", FAINT, _font(16))
    bar = LABEL - 60
    pen.rounded_rectangle((left, top + 108, left + bar, top + 114), 3, RULE)
    pen.rounded_rectangle((left, top + 108, left + max(6, round(bar * one.confidence)), top + 114), 3, colour)
    pen.text((left, top + 122), f"{percent(one.confidence)} sure of its name", FAINT, _font(14))
    mine = np.flatnonzero(found.cluster == number)
    for place, i in enumerate(mine[np.argsort(found.distance[mine], kind="stable")][:NEAREST]):
        _draw_tile(sheet, found.thumbnails.get(found.files[i]), MARGIN + LABEL + place * (TILE + GAP), top + (ROW - TILE) // 2)


def _draw_tile(sheet: Image.Image, image: Image.Image | None, left: int, top: int) -> None:
    tile = Image.new("RGB", (TILE, TILE), PAPER)
    if image is not None:
        scale = TILE / max(image.size)
        fitted = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.LANCZOS)
        tile.paste(fitted, ((TILE - fitted.width) // 2, (TILE - fitted.height) // 2))
    corners = Image.new("L", (TILE * 2, TILE * 2))
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, TILE * 2 - 1, TILE * 2 - 1), 16, 255)
    sheet.paste(tile, (left, top), corners.resize((TILE, TILE), Image.Resampling.LANCZOS))


def _fitted(text: str, width: int) -> str:
    while len(text) > 1 and _font(25).getlength(text) > width:
        text = text[:-2].rstrip() + "…"
    return text


def _plural(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)

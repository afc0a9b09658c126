"""Figures of an evaluation as pictures: the confusion matrix, the worst mistakes side by side, and those mistakes as a table.

The mistakes' sheet shows other people's images: it is for looking at, beside the data, and not to be published.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from server.contract.modalities import MODALITIES
from server.models.preprocess import REDUCING_GAP
from server.training.augment.marks import font
from server.training.data.dataset import PixelCache, Row

CELL, LABEL = 150, 26  # pixels of a picture on the sheet and of the two lines below it
ACROSS = 10
SHADE = (31, 87, 158)  # the blue of a full cell


def confusion_picture(counts: NDArray[np.int64], out: Path, title: str) -> None:
    """A PNG: rows are the truth, columns the answer; a cell shows the count, its shade the share of its row."""
    n, cell, left, top = len(counts), 78, 128, 64
    image = Image.new("RGB", (left + n * cell + 12, top + n * cell + 12), "white")
    draw, small, large = ImageDraw.Draw(image), font(13), font(15)
    draw.text((12, 8), title, fill="black", font=large)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    for i, name in enumerate(MODALITIES):
        draw.text((left - 8, top + (i + 0.5) * cell), name, fill="black", font=small, anchor="rm")
        draw.text((left + (i + 0.5) * cell, top - 10), name.replace("_medical", "_med."), fill="black", font=small, anchor="mm")
        for j in range(n):
            part = float(share[i, j])
            colour = tuple(round(255 + (tone - 255) * part**0.5) for tone in SHADE)
            x, y = left + j * cell, top + i * cell
            draw.rectangle((x, y, x + cell - 2, y + cell - 2), fill=colour)
            ink = "white" if part > 0.35 else "black"
            draw.text((x + cell / 2, y + cell / 2 - 8), str(int(counts[i, j])), fill=ink, font=large, anchor="mm")
            draw.text((x + cell / 2, y + cell / 2 + 12), f"{part:.1%}", fill=ink, font=small, anchor="mm")
    out.parent.mkdir(parents=True, exist_ok=True)
    image.save(out, optimize=True)


def worst(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], rows: list[Row], count: int = 50, each: int = 5
) -> list[int]:
    """Places of the surest wrong answers, surest first; at most `each` of one origin, so that no weakness fills the list."""
    wrong = np.flatnonzero(probabilities.argmax(1) != labels)
    taken: Counter[str] = Counter()
    out: list[int] = []
    for i in wrong[np.argsort(-probabilities[wrong].max(1), kind="stable")].tolist():
        taken[rows[i].origin] += 1
        if taken[rows[i].origin] <= each:
            out.append(i)
        if len(out) == count:
            break
    return out


def mistakes_table(probabilities: NDArray[np.float64], rows: list[Row], places: list[int]) -> str:
    """Markdown: what it is, what it was called, how surely."""
    lines = ["| image | is | kind | was called | with |", "|---|---|---|---|---|"]
    for i in places:
        said = int(probabilities[i].argmax())
        row = rows[i]
        lines.append(f"| `{row.file.name}` | {row.label} | {row.kind} | {MODALITIES[said]} | {probabilities[i, said]:.2f} |")
    return "\n".join(lines) + "\n"


def mistakes_sheet(
    probabilities: NDArray[np.float64], rows: list[Row], cache: PixelCache, indices: NDArray[np.int64], places: list[int], out: Path
) -> None:
    """A PNG of the pictures at `places`; `indices` are their numbers in the cache."""
    down = -(-len(places) // ACROSS)
    sheet = Image.new("RGB", (ACROSS * CELL, max(1, down) * (CELL + LABEL)), "white")
    draw, face = ImageDraw.Draw(sheet), font(11)
    for at, i in enumerate(places):
        x, y = at % ACROSS * CELL, at // ACROSS * (CELL + LABEL)
        picture = Image.fromarray(cache[int(indices[i])])
        picture.thumbnail((CELL - 4, CELL - 4), reducing_gap=REDUCING_GAP)
        sheet.paste(picture, (x + 2, y + 2))
        draw.text((x + 3, y + CELL - 2), f"{rows[i].label} / {rows[i].kind}"[:26], fill="black", font=face)
        draw.text((x + 3, y + CELL + 10), f"-> {MODALITIES[int(probabilities[i].argmax())]}", fill=(190, 0, 0), font=face)
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out)

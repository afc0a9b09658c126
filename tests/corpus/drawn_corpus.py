"""Draws a corpus of images, of which every fifth is a copy of another one, and reads back what a run wrote."""

from __future__ import annotations

import asyncio
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("pyarrow", reason="the extra [ray] is not installed")

from pyarrow import parquet

from server.corpus.listing import Columns, open_corpus
from server.corpus.run import Summary, run_corpus
from server.settings import Settings

SIDE = 96


def picture(number: int, side: int = SIDE) -> Image.Image:
    """A drawn image: soft colours that differ for each number."""
    colours = np.random.default_rng(number).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize((side, side), Image.Resampling.BICUBIC)


def png(number: int, side: int = SIDE) -> bytes:
    out = BytesIO()
    picture(number, side).save(out, "PNG")
    return out.getvalue()


def draw_folder(folder: Path, images: int) -> Path:
    """`images` PNG files of which the last fifth has the bytes of the first ones, and two documents that cannot be read."""
    folder.mkdir(parents=True)
    for number in range(images):
        (folder / f"{number:05}.png").write_bytes(png(number % (images * 4 // 5)))
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    return folder


def run(source: Path, out: Path, settings: Settings, **options: Any) -> Summary:
    return asyncio.run(run_corpus(open_corpus(str(source), options.pop("columns", Columns())), out, settings, **options))


def rows(out: Path) -> list[dict[str, Any]]:
    """All rows of a run, with their partition as `modality`."""
    table = parquet.read_table(out, partitioning="hive")
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def counted(out: Path) -> Counter[tuple[str, str | None, str | None]]:
    """Document, hash and error of each row; equal for two runs that lost and doubled nothing."""
    return Counter((row["document"], row["sha256"], row["error"]) for row in rows(out))

"""How well the near-duplicate check of server/dedupe/group.py tells copies from other scans, on the labelled images.

    .venv/bin/python benchmarks/near_duplicates.py --images 4000 --copies 500

Copies are made by resizing and re-encoding; strangers are all pairs of different files, neighbouring slices of one volume and
frames of one video among them (counted apart as `siblings`: same origin). Appends one JSON line to benchmarks/results.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
import time
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from record import record  # noqa: E402 - run as a script

from server.contract.records import UniqueImage  # noqa: E402 - run as a script
from server.dedupe.fingerprint import distance, grey_of, largest_difference, phash_of  # noqa: E402 - run as a script
from server.dedupe.group import NEAR_BITS, NEAR_DIFFERENCE, Grouper  # noqa: E402
from server.imaging.decode import Raster, decode  # noqa: E402

LIMIT = 10**8
COPIES = {  # name: (scale, format, quality)
    "jpeg30": (1.0, "JPEG", 30),
    "jpeg60": (1.0, "JPEG", 60),
    "webp60": (1.0, "WEBP", 60),
    "png": (1.0, "PNG", None),
    "avif50": (1.0, "AVIF", 50),
    "three_quarters_webp70": (0.73, "WEBP", 70),
    "half_jpeg75": (0.5, "JPEG", 75),
    "third_jpeg75": (0.34, "JPEG", 75),
    "double_png": (2.0, "PNG", None),
}


def copy_of(raster: Raster, scale: float, format: str, quality: int | None) -> Raster:
    size = max(1, round(raster.image.width * scale)), max(1, round(raster.image.height * scale))
    image = raster.image if scale == 1 else raster.image.resize(size, Image.Resampling.LANCZOS)
    out = BytesIO()
    image.save(out, format, **({} if quality is None else {"quality": quality}))
    return decode(out.getvalue(), LIMIT)


def folds(first: Raster, second: Raster) -> bool:
    grouper = Grouper()
    for name, one in (("first", first), ("second", second)):
        near = grouper.near_duplicate(UniqueImage(name, one.width, one.height, one.format, 0, (), b"", phash_of(one), grey_of(one)))
    return near is not None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--copies", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    started = time.monotonic()
    with (arguments.data / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows = random.Random(arguments.seed).sample(rows, min(arguments.images, len(rows)))
    rasters = [decode((arguments.data / row["file"]).read_bytes(), LIMIT) for row in rows]

    kept: dict[str, float] = {}
    for name, (scale, format, quality) in COPIES.items():
        step = max(1, len(rasters) // arguments.copies)
        tried = [folds(one, copy_of(one, scale, format, quality)) for one in rasters[::step]]
        kept[name] = round(sum(tried) / len(tried), 4)

    prints = [(phash_of(one), grey_of(one)) for one in rasters]
    hashes = np.array([int(phash, 16) for phash, _ in prints], dtype=np.uint64)
    wrong: Counter[str] = Counter()
    by_hash_alone = 0
    examples = []
    for index in range(len(prints)):
        close = np.flatnonzero(np.bitwise_count(hashes[index + 1 :] ^ hashes[index]) <= NEAR_BITS) + index + 1
        by_hash_alone += len(close)
        for other in map(int, close):
            if folds(rasters[index], rasters[other]):
                wrong["siblings" if rows[index]["origin"] == rows[other]["origin"] else "strangers"] += 1
                bits, apart = distance(prints[index][0], prints[other][0]), largest_difference(prints[index][1], prints[other][1])
                examples.append([rows[index]["file"], rows[other]["file"], bits, round(apart, 3)])
    record(
        "near_duplicates",
        {"images": len(rows), "copies": arguments.copies, "seed": arguments.seed},
        {
            "thresholds": {"bits": NEAR_BITS, "difference": NEAR_DIFFERENCE},
            "copies_folded": kept,
            "pairs": len(rows) * (len(rows) - 1) // 2,
            "pairs_close_by_hash_alone": by_hash_alone,
            "folded_wrongly": dict(wrong),
            "examples": examples[:20],
            "seconds": round(time.monotonic() - started, 1),
        },
    )


if __name__ == "__main__":
    main()

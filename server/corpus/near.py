"""Groups the near duplicates of a whole corpus, by the fingerprints in its rows.

Two hashes of 64 bits that differ in at most six agree in two of eight bytes at least. So only images that share a pair of bytes at
the same positions are compared, which finds every pair that comparing all with all would find.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from server.contract.records import UniqueImage
from server.corpus.arrow import pyarrow
from server.corpus.manifest import GROUPS
from server.corpus.output import write_table
from server.corpus.rows import ERRORS
from server.dedupe.group import NEAR_BITS, are_copies

BYTES_OF_HASH = 8
# Rows that are read at once; a row has a kilobyte of grey copy.
READ_ROWS = 20_000
# Images whose near duplicates are grouped: the work grows with the square of their number (docs/scale.md); a million takes hours.
MAX_GROUPED = 1_000_000
Pairs = npt.NDArray[np.int64]


def write_groups(out: Path, max_images: int = MAX_GROUPED) -> int | None:
    """Write `_groups.parquet`: of each image its `original`, the largest image that it copies, or itself. Returns how many.

    None, and no file, where there are more than `max_images`.
    """
    (out / GROUPS).unlink(missing_ok=True)
    images = _images(out, max_images)
    if images is None:
        return None
    original = originals_of_many(images)
    columns = {"sha256": [image.sha256 for image in images], "original": [images[index].sha256 for index in original]}
    write_table(pyarrow().table(columns), out / GROUPS)
    return len(images)


def originals_of_many(images: list[UniqueImage]) -> list[int]:
    """For each image the index of its original, as server/dedupe/group.py finds it; images come largest first."""
    original = list(range(len(images)))
    smaller_of: dict[int, list[int]] = {}
    for one, other in _close_pairs(images):
        smaller_of.setdefault(other, []).append(one)
    for index in range(len(images)):
        for candidate in sorted(smaller_of.get(index, ())):
            if original[candidate] == candidate and are_copies(images[candidate], images[index]):
                original[index] = candidate
                break
    return original


def _close_pairs(images: list[UniqueImage]) -> set[tuple[int, int]]:
    """Pairs of indices, the smaller first, whose hashes differ in at most NEAR_BITS bits."""
    hashed = [index for index, image in enumerate(images) if image.phash is not None]
    if len(hashed) < 2:
        return set()
    hashes = np.array([int(images[index].phash or "0", 16) for index in hashed], dtype=np.uint64)
    parts = hashes.view(np.uint8).reshape(-1, BYTES_OF_HASH).astype(np.int64)
    found: set[tuple[int, int]] = set()
    for first, second in combinations(range(BYTES_OF_HASH), 2):
        for members in _buckets(parts[:, first] << 8 | parts[:, second]):
            for position, member in enumerate(members[:-1]):
                rest = members[position + 1 :]
                near = rest[np.bitwise_count(hashes[rest] ^ hashes[member]) <= NEAR_BITS]
                found.update((hashed[int(member)], hashed[int(other)]) for other in near)
    return found


def _buckets(keys: Pairs) -> Iterator[Pairs]:
    """The positions of equal keys, in ascending order, of every key that occurs more than once."""
    order = np.argsort(keys, kind="stable")
    bounds = np.flatnonzero(np.diff(keys[order])) + 1
    return (group for group in np.split(order, bounds) if len(group) > 1)


def _images(out: Path, max_images: int) -> list[UniqueImage] | None:
    """Each different image of the rows once, the largest first, equal ones by their hashes; None for more than `max_images`."""
    found: dict[str, UniqueImage] = {}
    for path in sorted(out.glob("modality=*/*.parquet")):
        if path.parent.name != f"modality={ERRORS}":
            for row in _rows(path):
                if row["sha256"] not in found:
                    facts = (row["sha256"], row["width"], row["height"], row["format"], row["bytes"])
                    found[row["sha256"]] = UniqueImage(*facts, (), b"", row["phash"], row["grey"])
                if len(found) > max_images:
                    return None
    return sorted(found.values(), key=lambda image: (-image.width * image.height, image.sha256))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    columns = ["sha256", "width", "height", "format", "bytes", "phash", "grey"]
    with pyarrow().parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(READ_ROWS, columns=columns):
            yield from batch.to_pylist()

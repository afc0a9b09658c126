"""Writes the rows of a corpus as Parquet, partitioned by modality, in parts that are whole or absent."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

from server.corpus.arrow import pyarrow
from server.corpus.judging import JudgedDocument
from server.corpus.manifest import Manifest, check_room, part_name
from server.corpus.rows import ERRORS, rows_of, schema
from server.models.files import PART

# A part is written when it has so many rows, documents or seconds: a killed run loses no more than that work.
PART_ROWS = 20_000
PART_DOCUMENTS = 5_000
PART_S = 60.0


class Writer:
    """Collects the rows of documents and writes them part by part; each document is added once."""

    def __init__(self, manifest: Manifest, part_documents: int = PART_DOCUMENTS) -> None:
        self._manifest, self._schema, self._part_documents = manifest, schema(), part_documents
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._keys: list[str] = []
        self._counts: Counter[str] = Counter()
        self._since = time.monotonic()

    @property
    def counts(self) -> Counter[str]:
        """Of all parts and of what waits: documents, failed, images, judged, errors, and images by modality as `modality.NAME`."""
        return self._manifest.counts + self._counts

    def add(self, judged: JudgedDocument) -> None:
        """Add a document; writes a part when it is full. Raises RequestError where there is too little room, OSError."""
        rows = rows_of(judged)
        for partition, row in rows:
            self._rows.setdefault(partition, []).append(row)
            self._counts.update(["errors"] if partition == ERRORS else ["images", f"modality.{partition}"])
        self._keys.append(judged.document.key)
        self._counts.update({"documents": 1, "judged": judged.judged, "failed": int(judged.outcome.status == "failed")})
        size = sum(len(waiting) for waiting in self._rows.values())
        if len(self._keys) >= self._part_documents or size >= PART_ROWS or time.monotonic() - self._since >= PART_S:
            self.flush()

    def flush(self) -> None:
        """Write what waits as one part. Raises as `add` does."""
        if self._keys:
            check_room(self._manifest.out)
            files = [self._write(partition, rows) for partition, rows in sorted(self._rows.items())]
            self._manifest.commit(self._keys, self._counts, files)
        self._rows, self._keys, self._counts, self._since = {}, [], Counter(), time.monotonic()

    def _write(self, partition: str, rows: list[dict[str, Any]]) -> str:
        name = f"modality={partition}/{part_name(self._manifest.parts)}.parquet"
        arrow = pyarrow()
        table = arrow.Table.from_pylist(rows, schema=self._schema)
        write_table(table, self._manifest.out / name)
        return name


def write_table(table: Any, path: Path) -> None:
    """Write a pyarrow.Table as a Parquet file in one step, and wait until it is on the disk. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{uuid4().hex}{PART}")
    try:
        pyarrow().parquet.write_table(table, part, compression="zstd")
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise

"""The manifest of a corpus's output folder: what it was made from, and which documents are done.

`_manifest.json` is written once. `_done/part-NNNNNN.json` is written after the files of a part, and lists the part's documents: a
part without it was cut off, its files are removed, and its documents are read again.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from server.contract.errors import RequestError
from server.models.files import PART, write_atomically

MANIFEST, DONE, KNOWN, GROUPS, LOCK = "_manifest.json", "_done", "_known.sqlite", "_groups.parquet", "_lock"
FORMAT = 1  # raise when the files of an older run cannot be continued
# Bytes that must be free in the output folder before the work begins, and before each part: a part of output.PART_ROWS rows has
# less than a tenth of it.
MIN_FREE_BYTES = 512 * 1024 * 1024


@dataclass(slots=True)
class Manifest:
    """What is done in the folder `out`. `done`: keys of documents. `counts`: what the finished parts hold."""

    out: Path
    facts: Mapping[str, Any]
    done: set[bytes] = field(default_factory=set)
    parts: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def commit(self, keys: list[str], counts: Counter[str], files: list[str]) -> None:
        """Record that the next part is complete: its files are written. Raises OSError."""
        entry = {"documents": keys, "counts": dict(counts), "files": files}
        write_atomically(self.out / DONE / f"{part_name(self.parts)}.json", json.dumps(entry).encode())
        self.done.update(bytes.fromhex(key) for key in keys)
        self.counts.update(counts)
        self.parts += 1


def part_name(number: int) -> str:
    return f"part-{number:06}"


def open_manifest(out: Path, facts: Mapping[str, Any]) -> Manifest:
    """The manifest in `out`, a new one if the folder is new or empty; what a run that was cut off left behind is removed.

    `out` exists (make_usable), and no other run writes to it. `facts`: what the rows depend on, as JSON values. Raises RequestError
    for a folder that holds something else, or was made from other facts.
    """
    facts = {"format": FORMAT, **facts}
    file = out / MANIFEST
    if not file.exists():
        others = [path.name for path in out.iterdir() if path.name != LOCK and not path.name.endswith(PART)]
        if others:
            raise RequestError(f"{out} holds other files, such as {min(others)!r}; give --out a new folder, or that of a corpus")
        write_atomically(file, json.dumps(facts, indent=1).encode())
    try:
        before = json.loads(file.read_bytes())
        assert isinstance(before, dict)
        changed = [name for name in sorted({*before, *facts}) if before.get(name) != facts.get(name)]
    except (OSError, ValueError, AssertionError):
        raise RequestError(f"{file} cannot be read; give --out a new folder") from None
    if changed:
        words = "; ".join(f"{name} was {before.get(name)!r} and is now {facts.get(name)!r}" for name in changed)
        raise RequestError(f"{out} was made otherwise: {words}. Give --out a new folder, or the same source and settings")
    manifest = Manifest(out, facts)
    _read_done(manifest)
    _remove_cut_off(manifest)
    return manifest


def check_room(out: Path, least: int = MIN_FREE_BYTES) -> None:
    """Raises RequestError when less than `least` bytes are free where `out` is."""
    free = shutil.disk_usage(out).free
    if free < least:
        raise RequestError(f"only {free / 1e6:,.0f} MB are free for {out}; {least / 1e6:,.0f} MB are needed at least")


def make_usable(out: Path) -> None:
    """Make the folder. Raises RequestError when it cannot be written or has too little room."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / f"_probe{PART}"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise RequestError(f"--out {out} cannot be written: {error.strerror}") from None
    check_room(out)


def _read_done(manifest: Manifest) -> None:
    folder = manifest.out / DONE
    for path in sorted(folder.glob("part-*.json")) if folder.is_dir() else []:
        try:
            entry = json.loads(path.read_bytes())
            manifest.done.update(bytes.fromhex(key) for key in entry["documents"])
            manifest.counts.update(entry["counts"])
            manifest.parts = max(manifest.parts, int(path.stem.removeprefix("part-")) + 1)
        except (OSError, ValueError, KeyError, TypeError):
            raise RequestError(f"{path} cannot be read, so it is not known what is done; give --out a new folder") from None


def _remove_cut_off(manifest: Manifest) -> None:
    for path in manifest.out.glob("modality=*/*"):
        if path.name.endswith(PART) or not (manifest.out / DONE / f"{path.stem}.json").exists():
            path.unlink()

"""Keeps prompts' vectors on disk: computing them takes longer than the rest of loading.

Each set of prompts is one file under DATA_DIR/prompt-vectors, named by a hash of everything its vectors depend on. A file that
cannot be read is computed again; one that cannot be written is only logged. Several processes may read and write at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import structlog
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from server.models.files import PART, write_atomically
from server.models.prompts import PromptClass
from server.models.version import HASHES, file_hashes

Floats: TypeAlias = NDArray[np.float32]

FOLDER = "prompt-vectors"
ENDING = ".safetensors"
FORMAT = 1  # raise when the same files and texts would give other vectors than before, or lie in the file in another way
SEAL = "seal"  # in the file's metadata: a hash over its name and all its vectors
# One a CLIP and a set of prompts; a file is 0.1 MB, and never more than the 8 MB of MAX_TEXTS prompts. Who works on prompts makes
# one with each change and seldom goes back.
MOST_KEPT = 16
ORPHANED_S = 60.0  # a part this old was left by a process that died; writing one takes milliseconds

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a CLIP's text vectors depend on besides the texts: `name` is how it is run, `files` are its weights and
    configuration."""

    name: str
    files: tuple[Path, ...]


class PromptVectors:
    """The vectors of one CLIP's prompts. Create it before the CLIP is opened, so that files which change meanwhile are noticed.

    `origin` None: nothing is kept, because the vectors differ at each start.
    """

    def __init__(self, data_dir: Path, origin: Origin | None) -> None:
        self._folder, self._hashed, self._origin = data_dir / FOLDER, data_dir / HASHES, origin
        self._digest = self._hash()

    def of(self, classes: Sequence[PromptClass], make: Callable[[], list[Floats]]) -> list[Floats]:
        """For each class float32 [its prompts, d]: the kept vectors, or those that `make` computes."""
        if self._digest is None:
            return make()
        key = [FORMAT, self._digest, [one.texts for one in classes]]
        path = self._folder / (hashlib.sha256(json.dumps(key).encode()).hexdigest() + ENDING)
        if (kept := _read(path, [len(one.prompts) for one in classes])) is not None:
            return kept
        vectors = make()
        if self._hash() == self._digest:
            _write(path, vectors)
        return vectors

    def _hash(self) -> list[str] | None:
        """The origin's name and the SHA-256 of its files; None when they cannot be read; opening the model raises the error
        then."""
        if self._origin is None:
            return None
        try:
            hashes = file_hashes({str(path): path for path in self._origin.files}, self._hashed)
        except OSError:
            return None
        return [self._origin.name, *(hashes[str(path)] for path in self._origin.files)]


def _read(path: Path, rows: Sequence[int]) -> list[Floats] | None:
    """What `path` holds, one array for each of `rows` with that many rows; None when there is no such file, or it is damaged."""
    try:
        with safe_open(path, framework="np") as file:
            names = _names(rows)
            if sorted(file.keys()) != sorted(names):
                raise ValueError("it holds other arrays than these prompts have")
            layouts = [(part.get_dtype(), *part.get_shape()) for part in map(file.get_slice, names)]
            if any(layout != ("F32", count, layouts[0][-1]) for layout, count in zip(layouts, rows, strict=True)):
                raise ValueError("its arrays are of another type or shape than these prompts' vectors")
            vectors = [file.get_tensor(name) for name in names]
            if not _finite(vectors) or (file.metadata() or {}).get(SEAL) != _seal(path, vectors):
                raise ValueError("it is not what was written")
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError, ValueError) as error:
        log.warning("prompt_vectors_unreadable", path=str(path), why=str(error))
        return None
    with suppress(OSError):
        os.utime(path)  # those in use are the last to go
    return vectors


def _write(path: Path, vectors: Sequence[Floats]) -> None:
    """Keep `vectors` at `path`; a folder that is full or read-only is only logged."""
    if not _finite(vectors):
        log.warning("prompt_vectors_not_kept", path=str(path), why="not all of them are finite")
        return
    try:
        write_atomically(path, save(dict(zip(_names(vectors), vectors, strict=True)), {SEAL: _seal(path, vectors)}))
        _sweep(path)
    except OSError as error:
        log.warning("prompt_vectors_not_kept", path=str(path), why=error.strerror)


def _sweep(newest: Path) -> None:
    """Delete the least recently used files beyond MOST_KEPT, and partial files of processes that died."""
    others = [path for path in newest.parent.iterdir() if path != newest]
    older = sorted((path for path in others if path.suffix == ENDING), key=_used, reverse=True)[MOST_KEPT - 1 :]
    orphans = [path for path in others if path.suffix == PART and _used(path) < time.time() - ORPHANED_S]
    for path in (*older, *orphans):
        with suppress(OSError):  # another process sweeps as well
            path.unlink()


def _names(parts: Sequence[object]) -> list[str]:
    return [str(number) for number in range(len(parts))]


def _finite(vectors: Iterable[Floats]) -> bool:
    return all(bool(np.isfinite(one).all()) for one in vectors)


def _seal(path: Path, vectors: Iterable[Floats]) -> str:
    digest = hashlib.sha256(path.stem.encode())
    for one in vectors:
        digest.update(one.tobytes())
    return digest.hexdigest()


def _used(path: Path) -> float:
    """When `path` was last used, in seconds; 0 if another process has deleted it."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0

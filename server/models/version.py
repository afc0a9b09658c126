"""The model version, a short hash of everything a verdict depends on: weights, members, prompts, ensemble, thresholds, ARITHMETIC.

It is part of the verdict cache's key, so it is computed without loading a model: files are hashed once, and the hashes kept under
DATA_DIR by size and time of change.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from server.models.checkpoint import SHIPPED_CNN, SHIPPED_PARTS
from server.models.ensembles import ensemble_file
from server.models.files import sha256_of, write_atomically
from server.models.members import Kind, require
from server.models.precision import choose_precision
from server.settings import Settings

# Raise when the same files would give other verdicts than before: another resize, another way to combine, other panels.
ARITHMETIC = 3
# Raise instead when each member says what it said before, and only what is made of it differs: refits of the ensemble stay good.
COMBINED = 1
VERSION_LENGTH = 16  # hex digits: 64 bits, far from collisions among the few versions one database ever sees
HASHES = "file-hashes.json"


def model_version(settings: Settings, kinds: Iterable[Kind]) -> str:
    """16 hex digits that change whenever a verdict might. Raises WeightsMissing when a member's files are not there."""
    members = sorted(kinds, key=lambda kind: kind.name)
    files = _member_files(members)
    optional = {"ensemble": ensemble_in_use(settings, members), "thresholds": settings.thresholds}
    files |= {name: path for name, path in optional.items() if path is not None and path.is_file()}
    inputs = {
        "arithmetic": ARITHMETIC,
        "combined": COMBINED,
        "members": [kind.name for kind in members],
        "clip": [settings.clip_model, settings.clip_pretrained],
        "files": file_hashes(files, settings.data_dir / HASHES),
    }
    if (precision := choose_precision(settings.precision)) != "f32":
        inputs["precision"] = precision
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:VERSION_LENGTH]


def members_key(settings: Settings, kinds: Iterable[Kind]) -> str:
    """16 hex digits that change whenever a member's own prediction might, whatever the ensemble. Raises WeightsMissing."""
    members = sorted(kinds, key=lambda kind: kind.name)
    inputs = {
        "arithmetic": ARITHMETIC,
        "members": [kind.name for kind in members],
        "clip": [settings.clip_model, settings.clip_pretrained],
        "files": file_hashes(_member_files(members), settings.data_dir / HASHES),
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:VERSION_LENGTH]


def ensemble_in_use(settings: Settings, kinds: Iterable[Kind]) -> Path:
    """The ensemble's file: the chosen refit if it fits these members, else the shipped one."""
    return ensemble_file(settings.data_dir, members_key(settings, kinds))


def _member_files(members: Iterable[Kind]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    shared = False
    for kind in members:
        require(kind)
        words = [path for path in kind.words if path.is_file()]
        files |= {f"{kind.name}/{number}": path for number, path in enumerate((*kind.files, *words))}
        shared = shared or kind.shared
    if shared:
        files["backbone"] = SHIPPED_CNN
        files |= {"parts": SHIPPED_PARTS} if SHIPPED_PARTS.is_file() else {}
    return files


def file_hashes(files: dict[str, Path], kept: Path) -> dict[str, str]:
    """SHA-256 of each file, by its key in `files`; taken from `kept` where size and time of change are as they were."""
    known = _read(kept)
    now: dict[str, str] = {}
    hashes: dict[str, str] = {}
    for key, path in files.items():
        stat = path.stat()
        mark = f"{path.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"
        hashes[key] = now[mark] = known.get(mark) or sha256_of(path)
    if not now.keys() <= known.keys():
        _write(kept, known | now)
    return hashes


def _read(kept: Path) -> dict[str, str]:
    try:
        content = json.loads(kept.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(kept: Path, hashes: dict[str, str]) -> None:
    """Keep the hashes; if the folder cannot be written, they are computed again next time."""
    with contextlib.suppress(OSError):
        write_atomically(kept, json.dumps(hashes, indent=1).encode())

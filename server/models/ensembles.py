"""Which ensemble judges: the one that ships, or one refitted here from people's corrections; and the older ones, kept.

Refits lie under DATA_DIR/ensembles, each a whole ensemble file that names the members' weights it was fitted for (`members_key`):
with other weights it is passed over, because it would mean nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.contract.errors import ModelError, NotFound
from server.models.checkpoint import WEIGHTS
from server.models.ensemble import FILE_NAME
from server.models.files import write_atomically

FOLDER = "ensembles"
IN_USE = "in-use"  # holds the name of the refit that judges; absent: the shipped one
VERSIONS = "versions.json"  # model version -> members_key, for those that refits replaced: their answers can be learned from
SHIPPED = "shipped"
SHIPPED_FILE = WEIGHTS / FILE_NAME


@dataclass(frozen=True, slots=True)
class Refit:
    """One kept refit. `fits`: it was made for the members' weights that are here now; only then can it judge."""

    name: str
    path: Path
    content: Mapping[str, Any]
    in_use: bool
    fits: bool


def ensemble_file(data_dir: Path, members_key: str) -> Path:
    """The file that judges with these weights. Raises ModelError when the refit in use cannot be read."""
    name = in_use(data_dir)
    if name == SHIPPED:
        return SHIPPED_FILE
    path = data_dir / FOLDER / f"{name}.json"
    return path if _read(path).get("members_key") == members_key else SHIPPED_FILE


def in_use(data_dir: Path) -> str:
    """The name of the ensemble chosen, SHIPPED when none was."""
    try:
        return (data_dir / FOLDER / IN_USE).read_text(encoding="utf-8").strip() or SHIPPED
    except OSError:
        return SHIPPED


def refits(data_dir: Path, members_key: str | None) -> list[Refit]:
    """All that are kept, newest first. `members_key` None: the members' weights are not all here, so none fits."""
    chosen = in_use(data_dir)
    found = []
    for path in sorted((data_dir / FOLDER).glob("feedback-*.json"), reverse=True):
        content = _read(path)
        found.append(Refit(path.stem, path, content, path.stem == chosen, content.get("members_key") == members_key))
    return found


def keep(data_dir: Path, name: str, content: Mapping[str, Any]) -> Path:
    """Write a refit beside the others; it does not judge before it is chosen."""
    path = data_dir / FOLDER / f"{name}.json"
    write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())
    return path


def choose(data_dir: Path, name: str) -> None:
    """Let this ensemble judge from now on: the name of a refit, or SHIPPED. Raises NotFound."""
    if name != SHIPPED and name not in {path.stem for path in (data_dir / FOLDER).glob("feedback-*.json")}:
        raise NotFound(f"no ensemble is called {name}; `medlens models` lists them")
    write_atomically(data_dir / FOLDER / IN_USE, (name + "\n").encode())


def known_versions(data_dir: Path) -> dict[str, str]:
    """Model versions that judged here and the members_key of each, as far as refits noted it."""
    path = data_dir / FOLDER / VERSIONS
    return {str(version): str(key) for version, key in _read(path).items()} if path.is_file() else {}


def note_versions(data_dir: Path, versions: Mapping[str, str]) -> None:
    write_atomically(data_dir / FOLDER / VERSIONS, (json.dumps({**known_versions(data_dir), **versions}, indent=1) + "\n").encode())


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path} cannot be read: {error}; `medlens models restore {SHIPPED}` goes back to the shipped one"
        ) from None
    if not isinstance(content, dict):
        raise ModelError(f"{path} is not an ensemble file; `medlens models restore {SHIPPED}` goes back to the shipped one")
    return content

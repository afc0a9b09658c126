"""Which ensemble is in use: the shipped one, or one of the kept refits from corrections.

Refits are kept under DATA_DIR/ensembles. Each is a complete ensemble file with the `members_key` of the members' weights that it
was fitted for, and is ignored with other weights.
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
IN_USE = "in-use"  # holds the name of the refit in use; absent: the shipped one
VERSIONS = "versions.json"  # model version -> members_key of replaced versions, whose predictions a refit can use
SHIPPED = "shipped"
SHIPPED_FILE = WEIGHTS / FILE_NAME


@dataclass(frozen=True, slots=True)
class Refit:
    """One kept refit. `fits`: it was fitted for the members' present weights, and can be used."""

    name: str
    path: Path
    content: Mapping[str, Any]
    in_use: bool
    fits: bool


def ensemble_file(data_dir: Path, members_key: str) -> Path:
    """The ensemble file in use with these weights. Raises ModelError when the refit in use cannot be read."""
    name = in_use(data_dir)
    if name == SHIPPED:
        return SHIPPED_FILE
    path = data_dir / FOLDER / f"{name}.json"
    return path if _read(path).get("members_key") == members_key else SHIPPED_FILE


def in_use(data_dir: Path) -> str:
    """The name of the chosen ensemble; SHIPPED by default."""
    try:
        return (data_dir / FOLDER / IN_USE).read_text(encoding="utf-8").strip() or SHIPPED
    except OSError:
        return SHIPPED


def refits(data_dir: Path, members_key: str | None) -> list[Refit]:
    """All kept refits, newest first. `members_key` None: some members' weights are missing, so no refit fits."""
    chosen = in_use(data_dir)
    found = []
    for path in sorted((data_dir / FOLDER).glob("feedback-*.json"), reverse=True):
        content = _read(path)
        found.append(Refit(path.stem, path, content, path.stem == chosen, content.get("members_key") == members_key))
    return found


def keep(data_dir: Path, name: str, content: Mapping[str, Any]) -> Path:
    """Store a refit. It is not used before `choose`."""
    path = data_dir / FOLDER / f"{name}.json"
    write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())
    return path


def choose(data_dir: Path, name: str) -> None:
    """Use this ensemble from now on: the name of a refit, or SHIPPED. Raises NotFound."""
    if name != SHIPPED and name not in {path.stem for path in (data_dir / FOLDER).glob("feedback-*.json")}:
        raise NotFound(f"no ensemble is called {name}; `medlens models` lists them")
    write_atomically(data_dir / FOLDER / IN_USE, (name + "\n").encode())


def known_versions(data_dir: Path) -> dict[str, str]:
    """Model versions used here, with the members_key of each, as far as refits recorded them."""
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

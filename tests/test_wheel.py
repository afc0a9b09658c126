"""The wheel holds what the program reads besides its code: weights, prompts, templates, scripts, styles, migrations."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[1]
BUILD = "from setuptools import build_meta; build_meta.build_wheel('built')"


def tracked(*folders: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode or not listed.stdout:
        pytest.skip("not a git checkout, so nobody says which files belong to the program")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_every_file_of_the_program_is_in_it(tmp_path: Path) -> None:
    pytest.importorskip("setuptools")
    program = tracked("server", "migrations")
    for name in [*program, *tracked("pyproject.toml", "README.md")]:
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, place)
    built = subprocess.run([sys.executable, "-c", BUILD], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    [wheel] = (tmp_path / "built").glob("*.whl")
    with ZipFile(wheel) as opened:
        assert set(program) - set(opened.namelist()) == set()

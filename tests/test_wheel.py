"""The wheel and the sdist hold the whole program, and install and run in a clean virtual environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.site import picture

ROOT = Path(__file__).resolve().parents[1]
BUILD = "from setuptools import build_meta; print(build_meta.build_{}('built'))"
# The client is a package of its own in a folder of server/.
CLIENT = "server/client/"


def tracked(*folders: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode or not listed.stdout:
        pytest.skip("not a git checkout, so nobody says which files belong to the program")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def built(folder: Path, kind: str) -> Path:
    """A `wheel` or an `sdist` of the project in this folder."""
    done = subprocess.run([sys.executable, "-c", BUILD.format(kind)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "built" / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the tracked files, without what a build leaves in a checkout."""
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("project")
    for name in tracked("server", "migrations", "pyproject.toml", "README.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def wheel(project: Path) -> Path:
    return built(project, "wheel")


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder that Postgres' user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="medlens-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_every_file_of_the_program_is_in_it(wheel: Path) -> None:
    program = {name.removeprefix(CLIENT) for name in tracked("server", "migrations")}
    with ZipFile(wheel) as opened:
        assert program - set(opened.namelist()) == set()
        assert not [name for name in opened.namelist() if name.startswith(CLIENT)], "the client is there once"
        assert [name for name in opened.namelist() if name.endswith("share/man/man1/medlens.1")]


def test_the_sdist_builds_the_same_wheel(project: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(built(project, "sdist")) as packed:
        packed.extractall(tmp_path, filter="data")
    [folder] = tmp_path.iterdir()
    again = built(folder, "wheel")
    with ZipFile(wheel) as one, ZipFile(again) as other:
        assert set(one.namelist()) == set(other.namelist())


@pytest.mark.slow
def test_it_installs_and_runs_in_a_clean_environment(wheel: Path, tmp_path: Path, data: Path) -> None:
    """The locked libraries, from the cache of the set-up, and the wheel. It scans an image without a server."""
    uv = [sys.executable, "-m", "uv"]
    clean = tmp_path / "clean"
    python = clean / "bin/python"
    subprocess.run([*uv, "venv", "-q", "--python", sys.executable, clean], check=True)
    install = [*uv, "pip", "install", "-q", "--offline", "--no-deps", "--python", python]
    libraries = subprocess.run([*install, "--require-hashes", "-r", ROOT / "requirements.lock"], capture_output=True, check=False)
    if libraries.returncode:
        pytest.skip("the libraries are not in uv's cache: make setup fills it")
    subprocess.run([*install, wheel], check=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MEDLENS_", "PYTHON", "COV_"))}
    environment |= {"MEDLENS_DATA_DIR": str(data)}

    def run(*words: str | Path) -> str:
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (done.stderr, done.stdout)
        return done.stdout

    found = run(python, "-c", "import medlens.client, server; print(medlens.client.__file__, server.__file__)")
    assert found.count(str(clean)) == 2
    program = python.with_name("medlens")
    assert "scan" in run(program, "--help")
    (tmp_path / "chart.png").write_bytes(picture())
    assert json.loads(run(program, "scan", "--json", tmp_path / "chart.png"))["status"] == "done"
    assert (clean / "share/man/man1/medlens.1").is_file()

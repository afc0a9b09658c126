"""`.ci/tests`: every test in parts; a part that a signal kills is run once more, one that fails is not, and none is forgotten."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / ".ci" / "tests"
PYTHON = """#!/usr/bin/env bash
echo "$*" >> asked
[[ "$*" == *tests/extension* ]] || exit 0
echo once >> begun
{}
"""


def run(folder: Path, at_extension: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """The script with a Python that does `at_extension` when it is given that part, and what it was asked to do."""
    (folder / ".ci").mkdir()
    shutil.copy(SCRIPT, folder / ".ci")
    (folder / "tests" / "web").mkdir(parents=True)
    (folder / "tests" / "web" / "test_a.py").touch()
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON.format(at_extension))
    python.chmod(0o755)
    done = subprocess.run(["bash", ".ci/tests", "-q"], cwd=folder, capture_output=True, text=True, check=False)
    asked = (folder / "asked").read_text().splitlines() if (folder / "asked").exists() else []
    return done, [line for line in asked if line.startswith("-m pytest")]


def test_each_part_runs_once_with_the_arguments_given(tmp_path: Path) -> None:
    done, asked = run(tmp_path, "exit 0")
    assert done.returncode == 0
    assert len(asked) == len(set(asked)) == 4
    assert all(line.endswith(" -q") for line in asked)


@pytest.mark.parametrize(("status", "rc"), [(1, 1), (5, 0)], ids=["a test fails", "no test is chosen"])
def test_a_part_that_ends_by_itself_is_not_run_again(tmp_path: Path, status: int, rc: int) -> None:
    done, asked = run(tmp_path, f"exit {status}")
    assert (done.returncode, len(asked)) == (rc, 4)  # the other parts run all the same


@pytest.mark.parametrize(("times", "rc"), [(1, 0), (9, 139)], ids=["once", "each time"])
def test_a_part_that_a_signal_kills_is_reported_and_run_once_more(tmp_path: Path, times: int, rc: int) -> None:
    done, asked = run(tmp_path, f"[ $(wc -l < begun) -gt {times} ] || {{ ulimit -c 0; kill -SEGV $$; }}")
    assert (done.returncode, len(asked)) == (rc, 5)
    assert "killed by signal 11 at the first attempt: tests/extension" in done.stdout


def test_ctrl_c_ends_all(tmp_path: Path) -> None:
    done, asked = run(tmp_path, "exit 2")
    assert (done.returncode, len(asked)) == (2, 2)


def test_a_folder_in_no_part_is_named(tmp_path: Path) -> None:
    (tmp_path / "tests" / "novel").mkdir(parents=True)
    (tmp_path / "tests" / "novel" / "test_b.py").touch()
    done, asked = run(tmp_path, "exit 0")
    assert (done.returncode, asked) == (1, [])
    assert "tests/novel is in no part" in done.stdout

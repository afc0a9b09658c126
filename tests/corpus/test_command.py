"""`medlens corpus` as a program: a kill, the summary line and the exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="the extra [ray] is not installed")

from server.corpus.manifest import DONE
from tests.corpus.drawn_corpus import counted, draw_folder

# Small parts, so that a kill comes between two of them.
PROGRAM = """
import sys
from server.corpus import output
output.Writer.__init__.__defaults__ = (4,)
from server.__main__ import main
sys.argv[0] = "medlens"
main()
"""


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "MEDLENS_DATA_DIR": str(folder / "data"), "MEDLENS_MEMBERS": "cnn"}
    command = [sys.executable, "-c", PROGRAM, "corpus", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment, text=True, start_new_session=True, **pipes)  # type: ignore[call-overload]


@pytest.mark.slow
def test_a_killed_run_goes_on_and_loses_and_doubles_nothing(tmp_path: Path) -> None:
    source, out, whole = draw_folder(tmp_path / "in", 40), tmp_path / "out", tmp_path / "whole"
    first = start(tmp_path, str(source), "--out", str(out))
    while first.poll() is None and len(list((out / DONE).glob("*.json"))) < 2:
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    assert first.returncode == -signal.SIGKILL
    second = start(tmp_path, str(source), "--out", str(out), "--json")
    summary = json.loads(second.communicate()[0])
    assert second.returncode == 1  # two documents cannot be read
    assert 0 < summary["done_before"] < summary["documents"] == 42
    assert summary["images"] == 40
    assert start(tmp_path, str(source), "--out", str(whole)).communicate()[1] == ""
    assert counted(out) == counted(whole)


def test_wrong_usage_ends_with_2_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "list.txt").write_text("")
    for arguments, words in (
        ((str(tmp_path / "list.txt"), "--out", str(tmp_path / "out")), "is empty"),
        ((str(tmp_path / "missing"), "--out", str(tmp_path / "out")), "cannot be read"),
        ((str(tmp_path / "in"), "--out", str(tmp_path / "list.txt")), "cannot be written"),
    ):
        run = start(tmp_path, *arguments)
        _, errors = run.communicate()
        assert run.returncode == 2
        assert words in errors
        assert errors.count("\n") == 1

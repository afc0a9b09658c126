"""The table of `make bench` names scripts and options that there are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.bench import BENCHES, HERE, Bench, run


@pytest.mark.parametrize("bench", BENCHES, ids=lambda bench: bench.script)
def test_every_option_is_one_of_its_script(bench: Bench) -> None:
    told = subprocess.run([sys.executable, HERE / bench.script, "--help"], capture_output=True, text=True, check=True).stdout
    assert {option for option in bench.options if option.startswith("--")} <= set(told.split())
    assert ("\n  data" in told) is bench.needs_data


def test_what_needs_images_is_left_out_by_name(tmp_path: Path) -> None:
    assert run(Bench("engine.py", (), needs_data=True), tmp_path) == f"left out: no labelled images in {tmp_path}"


def test_a_benchmark_that_fails_says_so(tmp_path: Path) -> None:
    assert run(Bench("startup.py", ("--no-such-option",)), tmp_path) == "failed with status 2"

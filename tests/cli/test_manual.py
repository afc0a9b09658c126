"""Shell completion and the manual page: both are made from the commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from server.__main__ import app
from server.cli import manual

PAGE = Path(manual.__file__).with_name("medlens.1")
COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def completed(shell: str, words: str) -> list[str]:
    """What the program offers to this shell after `words`."""
    asked = {"_MEDLENS_COMPLETE": f"complete_{shell}", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    asked["_TYPER_COMPLETE_ARGS"] = words
    program = "import sys; sys.argv[0] = 'medlens'; from server.__main__ import app; app(prog_name='medlens')"
    done = subprocess.run([sys.executable, "-c", program], env=os.environ | asked, capture_output=True, text=True, check=False)
    return done.stdout.split()


def test_bash_completes_commands_and_options() -> None:
    assert {"scan", "serve", "batch"} <= set(completed("bash", "medlens "))
    assert "--no-cache" in completed("bash", "medlens scan --")


def test_the_page_is_fresh_and_names_every_command() -> None:
    text = PAGE.read_text()
    assert text == manual.page(app), "stale: `make generate` writes it"
    for name in COMMANDS:
        assert f"medlens {name}" in text


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_has_no_complaint() -> None:
    done = subprocess.run(["groff", "-man", "-ww", "-Tascii", "-P-cbou", PAGE], capture_output=True, text=True, check=True)
    assert not done.stderr
    assert "medlens scan" in done.stdout

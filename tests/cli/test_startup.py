"""What the quick commands load: `medlens --help`, `token` and `config` must not wait for the database, the web or a model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROBE = """
import sys
from server.__main__ import app
try:
    app(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print(*sorted(sys.modules), file=sys.stderr)
"""
HEAVY = {"sqlalchemy", "aiohttp", "numpy", "torch", "openvino", "PIL", "playwright", "psycopg", "server.store.database"}
SETTINGS = {"pydantic", "pydantic_settings", "server.settings"}


def loaded(data_dir: Path, *words: str) -> set[str]:
    """Modules that are loaded when this command has run, in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEDLENS_")}
    environment["MEDLENS_DATA_DIR"] = str(data_dir)
    done = subprocess.run([sys.executable, "-c", PROBE, *words], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_the_list_of_commands_loads_neither_settings_nor_database_nor_model(tmp_path: Path) -> None:
    modules = loaded(tmp_path, "--help")
    assert "server.cli.scan" in modules
    assert modules & (HEAVY | SETTINGS) == set()


@pytest.mark.parametrize("words", [("scan", "--help"), ("train", "cnn", "--help"), ("models", "pull", "--help")])
def test_the_help_of_a_command_loads_neither_database_nor_model(tmp_path: Path, words: tuple[str, ...]) -> None:
    modules = loaded(tmp_path, *words)
    assert modules & (HEAVY | {"server.settings"}) == set()  # typer loads pydantic by itself here


@pytest.mark.parametrize("word", ["token", "config"])
def test_what_only_reads_settings_loads_no_database_and_no_model(tmp_path: Path, word: str) -> None:
    modules = loaded(tmp_path, word)
    assert modules >= SETTINGS
    assert modules & HEAVY == set()

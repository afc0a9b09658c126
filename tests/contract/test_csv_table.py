"""No cell of any CSV runs as a formula in a spreadsheet, whichever part of medlens writes it."""

from __future__ import annotations

import ast
import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from server.cli.scan import CsvFile
from server.clustering.cluster import Cluster, Clustering
from server.clustering.output import save_table
from server.contract.csv_table import csv_text, safe_cell
from server.contract.records import Report
from server.store.labelled import LabelledImage
from server.web.api.archive import table
from server.web.api.corrections import data_set_csv
from tests.judged import judged

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 1, 2, tzinfo=UTC)
RUNS = ["=1", " =1", "\u00a0=1", "\u3000=1", "\ufeff=1", "\u200b=1", "+1", "-1", "@SUM(1)", "\t1", "\r1", "\n1", " \t=1"]
RUNS += [f"{wide}1" for wide in "＝＋－＠"] + ["=cmd|' /C calc'!A0", "-0.5"]
PLAIN = ["", "a=1", "1-2", "'=1", "CT", "x\n=1", "\u200bCT", "mm²", "…=1"]


@pytest.mark.parametrize("text", RUNS)
def test_text_that_a_spreadsheet_would_run_is_defused(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", [*PLAIN, -1, -0.5, True, None])
def test_every_other_cell_stays_as_it_is(value: object) -> None:
    assert safe_cell(value) is value


def _report(text: str) -> Report:
    image = judged("a", alt=text)
    return Report(UUID(int=1), "page", text, text, "done", None, "m", NOW, NOW, NOW, {}, 1, {}, (image,))


def _scanned(text: str, folder: Path) -> str:
    """`medlens scan --csv`; the service's exports write the same rows."""
    CsvFile(folder / "scan.csv").add(_report(text))
    return (folder / "scan.csv").read_bytes().decode()


def _clustered(text: str, folder: Path) -> str:
    """`medlens cluster`, with a class of the user's own."""
    one = (np.zeros(1, np.int64), np.zeros(1, np.float32))
    save_table(Clustering(folder, "cnn", (folder / "a.png",), *one, (Cluster(text, 1.0, 1),), None), folder / "clusters.csv")
    return (folder / "clusters.csv").read_bytes().decode()


def _corrected(text: str, _: Path) -> str:
    return data_set_csv([replace(LabelledImage("0" * 64, "ct", None, False), previous=text)])  # type: ignore[arg-type]


WRITERS: list[Callable[[str, Path], str]] = [
    _scanned,
    _clustered,
    _corrected,
    lambda text, _: table(_report(text), ["ct/001.webp"]),  # in the ZIP of a scan
    lambda text, _: csv_text([("column",), (text,)]),  # the figures' tables
]


@pytest.mark.parametrize("write", WRITERS)
def test_every_writer_defuses(write: Callable[[str, Path], str], tmp_path: Path) -> None:
    for text in RUNS:
        cells = [cell for row in csv.reader(io.StringIO(write(text, tmp_path), newline="")) for cell in row]
        assert f"'{text}" in cells, (text, cells)
        assert text not in cells


def test_nothing_else_writes_csv() -> None:
    """A second writer would need the guard again. The popup saves what the service writes."""
    for file in (ROOT / "server").rglob("*.py"):
        calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)}
        assert calls.isdisjoint({"csv.writer", "csv.DictWriter"}) or file.name == "csv_table.py", file
    scripts = [*(ROOT / "extension").rglob("*.js"), *(ROOT / "server/web/static").rglob("*.js")]
    assert scripts
    assert not [script for script in scripts if "csv" in (text := script.read_text()) and '.join(",")' in text]

"""modalities.json: what it may hold, and that everything made from it is fresh and nothing says it a second time."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from server.charts.looks import PALETTES
from server.cli import report_table
from server.clustering.output import COLOURS
from server.contract.modalities import FACTS, FILE, MODALITIES, MODALITY_KEYS, MODALITY_NAMES, colours, read_modalities
from server.contract.records import SkipReason
from server.contract.skip_words import SKIP_WORDS
from tests.node import ROOT, evaluate

CODE = [
    file
    for folder in ("server", "extension")
    for file in sorted((ROOT / folder).rglob("*"))
    if file.suffix in {".py", ".js", ".css", ".html"} and "training" not in file.parts
]


def test_what_is_made_from_the_file_is_fresh() -> None:
    done = subprocess.run([sys.executable, ROOT / ".ci/generate.py", "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_part_shows_the_file() -> None:
    assert len(MODALITIES) == len(set(MODALITY_KEYS.values())) == 6
    assert (MODALITY_NAMES["ct"], MODALITY_NAMES["non_medical"]) == ("CT", "Not medical")
    for theme in ("light", "dark"):
        assert list(PALETTES[theme].modalities) == [entry.colours[theme] for entry in FACTS]
    assert [report_table.COLOURS[name] for name in MODALITIES] == [COLOURS[name] for name in MODALITIES] == colours("light")
    assert evaluate(ROOT / "extension/shared/modalities.js", "[m.MODALITIES, m.KEYS]") == [list(MODALITIES), dict(MODALITY_KEYS)]


def test_no_modality_is_named_or_coloured_a_second_time() -> None:
    made = re.compile(r"Made from server/contract/modalities\.json")
    hexes = re.compile("|".join(entry.colours[theme] for entry in FACTS[:3] for theme in ("light", "dark")), re.IGNORECASE)
    names = re.compile(r"[\"'](?:X-ray|Other medical|Not medical|Non-medical)[\"']")
    lists = re.compile(r"[\"']ct[\"'], *[\"']mri[\"']")
    for file in CODE:
        text = file.read_text(encoding="utf-8")
        if not made.search(text):
            assert not hexes.search(text) and not names.search(text) and not lists.search(text), file


def test_every_reason_to_skip_an_image_has_its_words() -> None:
    assert set(SKIP_WORDS) == set(SkipReason.__args__)  # type: ignore[attr-defined]


def _changed(**changes: Any) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(FILE.read_text())
    entries[0] |= changes
    return entries


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([], "last modality must be non_medical"),
        (_changed()[:-1], "last modality must be non_medical"),
        (_changed(id="ct"), "the same id"),
        (_changed(key="2"), "the same key"),
        (_changed(name_key="modality_ct"), "the same name_key"),
        (_changed(id="X ray"), "lower-case letters"),
        (_changed(id="a_modality_with_a_long_name"), "at most 16"),
        (_changed(key="10"), "a key is 1 to 9"),
        (_changed(name={"de": "Röntgen"}), "English name"),
        (_changed(name={"en": "X-ray"}), "in every language"),
        (_changed(colour={"light": "#3268cf"}), "light and for dark"),
        (_changed(colour={"light": "blue", "dark": "#6f9cf5"}), "written #rrggbb"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(entries: list[dict[str, Any]], says: str, tmp_path: Path) -> None:
    file = tmp_path / "modalities.json"
    file.write_text(json.dumps(entries))
    with pytest.raises(ValueError, match=says):
        read_modalities(file)

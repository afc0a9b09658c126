"""Another modality is an entry of modalities.json, a migration and a training: a copy of the project gets one, and shows it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from server.contract.records import Panel
from server.store.database import Database
from server.store.migrations import newest_revision
from tests.judged import judged, verdict
from tests.node import ROOT, evaluate
from tests.web.conftest import scanned

NEW = {
    "id": "nuclear", "key": "6", "name_key": "modality_nuclear", "name": {"en": "Nuclear medicine", "de": "Nuklearmedizin"},
    "in_text": {"en": "nuclear medicine", "de": "Nuklearmedizin"},
    "colour": {"light": "#4f6b12", "dark": "#a9c95b"},
}  # fmt: skip
SEVEN = ["xray", "ct", "mri", "ultrasound", "other_medical", "nuclear", "non_medical"]
COPIED = ("server", "migrations", "extension", "tests", ".ci")


def run(folder: Path, *arguments: str, **environment: str) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project with a seventh modality."""
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "weights"))
    file = tmp_path / "server/contract/modalities.json"
    entries = json.loads(file.read_text())
    entries[-1]["key"] = "7"
    file.write_text(json.dumps([*entries[:-1], NEW, entries[-1]]))
    head = newest_revision()
    migration = (ROOT / "tests/contract/seventh/migration.py").read_text()
    numbered = migration.replace('"DOWN_REVISION"', f'"{head}"').replace('"REVISION"', f'"{int(head) + 1:04}"')
    (tmp_path / f"migrations/versions/{int(head) + 1:04}_nuclear_medicine.py").write_text(numbered)
    shutil.copy(ROOT / "alembic.ini", tmp_path)
    run(tmp_path, ".ci/generate.py")
    return tmp_path


@pytest.fixture
async def old(database: Database) -> tuple[str, dict[str, str]]:
    """A scan judged by six modalities, and the environment of its database."""
    panels = (Panel((0, 0, 9, 9), verdict("mri", 0.8)),)
    scan = await scanned(database, judged("o", "non_medical", 0.7, panels=panels))
    return str(scan), {"MEDLENS_DATABASE_URL": database.url.render_as_string(hide_password=False), "MEDLENS_TOKEN": "t" * 40}


def popup(copy: Path, language: str, report: dict[str, Any]) -> Any:
    """What the popup, a mark and the background make of the Report, in this language."""
    texts = json.loads((copy / f"extension/_locales/{language}/messages.json").read_text())
    browser = f"""
      const texts = {json.dumps(texts)};
      const getMessage = (key, values = []) => values.reduce(
        (words, value, at) => words.replace(`$V${{at + 1}}$`, value), texts[key]?.message ?? "");
      globalThis.chrome = {{ i18n: {{ getMessage }}, runtime: {{ id: "x", getManifest: () => ({{}}) }} }};
      const words = await import({json.dumps((copy / "extension/core/words.js").as_uri())});
      const {{ headline }} = await import({json.dumps((copy / "extension/shared/words.js").as_uri())});
      const {{ text }} = await import({json.dumps((copy / "extension/core/browser.js").as_uri())});
    """
    call = """(() => {
      const [sure, unsure] = given.images;
      const correction = { type: "correct", image: sure.sha256, modality: sure.verdict.modality };
      const { percent } = m.markOf(sure, []);
      return [words.modality(sure.verdict.modality), headline(unsure.verdict, text), percent, m.refusal(correction, false)];
    })()"""
    return evaluate(copy / "extension/core/messages.js", call, report, browser)


@pytest.mark.slow
async def test_a_seventh_modality_is_shown_by_every_part(copy: Path, old: tuple[str, dict[str, str]]) -> None:
    scan, environment = old
    told = json.loads(run(copy, "-m", "tests.contract.seventh.walk", scan, **environment).splitlines()[-1])

    sure, unsure = (image["verdict"] for image in told["report"]["images"])
    assert (sure["modality"], list(sure["probabilities"])) == ("nuclear", SEVEN)
    assert (unsure["modality"], unsure["open"]) == ("ct", "nuclear")
    assert told["report"]["counts"]["by_modality"] == {"nuclear": 1, "ct": 1}
    before = told["old report"]["images"][0]
    assert (before["verdict"]["probabilities"]["non_medical"], before["verdict"]["probabilities"]["nuclear"]) == (0.7, 0)
    assert before["verdict"]["members"]["cnn"]["non_medical"] == 0.7
    assert before["panels"][0]["verdict"]["probabilities"]["mri"] == 0.8
    assert told["history"] == [told["report"]["id"]]
    assert '<option value="nuclear" selected>Nuclear medicine</option>' in told["history page"]
    assert 'class="fill-nuclear"' in told["history page"]
    assert {row["modality"]: row["nuclear"] for row in told["csv"]} == {"nuclear": "0.97", "ct": "0.4", "non_medical": "0.0"}
    assert any(name.startswith("nuclear/001_") for name in told["zip"])
    assert "nuclear/" in told["zip readme"]
    assert told["stats"]["nuclear"] == 1
    assert told["chart"][1:] == ["X-ray", "CT", "MRI", "Ultrasound", "Other medical", "Nuclear medicine", "Not medical"]
    assert told["keys"] == [[name, str(at)] for at, name in enumerate(SEVEN, start=1)]
    assert "--nuclear: #4f6b12;" in told["css"] and ".fill-nuclear" in told["css"]
    assert "Nuclear medicine" in told["terminal"], told["terminal"]
    assert "CT or nuclear" in told["terminal"], told["terminal"]
    assert told["sheet"] == ["#4f6b12", "Nuclear medicine"]
    assert (told["corrected"], told["refused"], told["openapi"], told["drift"]) == (200, 400, True, [])

    assert popup(copy, "en", told["report"]) == ["Nuclear medicine", "Probably medical, CT or nuclear medicine", "97%", None]
    assert popup(copy, "de", told["report"])[:2] == ["Nuklearmedizin", "Vermutlich medizinisch, CT oder Nuklearmedizin"]
    assert ".nuclear { --hue: #a9c95b; }" in (copy / "extension/content/modalities.js").read_text()

    run(copy, "-m", "alembic", "downgrade", "-1", **environment)
    run(copy, "-m", "alembic", "upgrade", "head", **environment)

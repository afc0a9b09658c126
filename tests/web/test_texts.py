"""The catalogue of the dashboard's texts: each key that a page, a script or Python names is in it, and none is left over."""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from jinja2 import nodes

import server.web
from server.charts import catalogue as charts
from server.charts import over_time
from server.contract import words
from server.contract.modalities import FACTS
from server.contract.records import STAGES, SourceKind, Status
from server.contract.verdict import ContextSource
from server.store.order import Sort
from server.web.api.health import PARTS
from server.web.http.language import accepted
from server.web.http.problems import HTTP_CODES
from server.web.pages.statistics_page import Days
from server.web.templating import ENVIRONMENTS, NAVIGATION, STATIC, TEMPLATES
from server.web.texts import catalogue
from server.web.texts.catalogue import CATALOGUES, ENGLISH, load

LANGUAGES = sorted(path.stem for path in catalogue.HERE.glob("*.toml"))
PYTHON = "".join(path.read_text(encoding="utf-8") for path in Path(server.web.__file__).parent.rglob("*.py"))
SCRIPTS = "".join(path.read_text(encoding="utf-8") for path in STATIC.rglob("*.js"))
# Texts that a script names by what it shows: its meta element's name in a template string, and the names that fit.
COMPUTED = {"source_": set(catalogue.ENGLISH.names["context"]), "clean_": {"scans", "events", "thumbnails", "heatmaps", "images"}}


def of_templates() -> set[str]:
    """Each `t.key` of the templates."""
    trees = (ENVIRONMENTS["en"].parse(path.read_text(encoding="utf-8")) for path in TEMPLATES.glob("*.html"))
    found = (node for tree in trees for node in tree.find_all(nodes.Getattr))
    return {node.attr for node in found if isinstance(node.node, nodes.Name) and node.node.name == "t"}


def test_pages_name_each_text_and_no_other() -> None:
    named = of_templates() | set(re.findall(r"(?<![.\w])texts\(\)\.(\w+)", PYTHON))
    assert len(named) > 200
    assert named == set(vars(ENGLISH.pages))


def test_scripts_name_each_text_and_no_other() -> None:
    named = set(re.findall(r"[\"`]text:(\w+)[\"`]", SCRIPTS)) | set(re.findall(r"current\(\)\.scripts\[\"(\w+)\"\]", PYTHON))
    for prefix, names in COMPUTED.items():
        assert f"`text:{prefix}${{" in SCRIPTS
        named |= {prefix + name for name in names}
    assert len(named) > 60
    assert named == set(ENGLISH.scripts) - words.TEXTS.keys()


def test_every_id_has_a_name() -> None:
    ids = {
        "status": set(get_args(Status)),
        "kind": set(get_args(SourceKind)),
        "context": set(get_args(ContextSource)),
        "nav": {place["icon"] for place in NAVIGATION},
        "span": set(get_args(Days)),
        "part": set(PARTS),
        "sort": set(get_args(Sort)),
    }
    for group, expected in ids.items():
        assert set(ENGLISH.names[group]) == expected, group
    assert {str(status) for status in HTTP_CODES} <= ENGLISH.names["problem"].keys()
    assert ENGLISH.names.keys() == ids.keys() | {"problem"}


def test_every_chart_column_and_stage_has_a_name() -> None:
    source = "".join(map(inspect.getsource, (charts, over_time)))
    assert re.findall(r"Chart\(\s*\"(\w+)\"", source)
    assert set(re.findall(r"Chart\(\s*\"(\w+)\"", source)) == ENGLISH.charts.charts.keys()
    named = set(over_time.RATES)
    for call in re.findall(r"headings\(([^)*]*)\)|columns\[(\"\w+\")\]", source):
        named |= set(re.findall(r"\"(\w+)\"", "".join(call)))
    assert named == ENGLISH.charts.columns.keys()
    assert ENGLISH.charts.stages.keys() == set(STAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_the_keys_and_placeholders_of_english(language: str) -> None:
    def flat(table: dict[str, object], above: str = "") -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for key, value in table.items():
            if isinstance(value, dict):
                found |= flat(value, f"{above}{key}.")
            else:
                found[above + key] = set(re.findall(r"{\w+}", str(value)))
        return found

    english, other = (flat(tomllib.loads((catalogue.HERE / f"{name}.toml").read_text("utf-8"))) for name in ("en", language))
    if language != catalogue.DEFAULT:
        english |= {f"words.{key}": set(re.findall(r"{\w+}", text)) for key, text in words.TEXTS.items()}
        in_contract = all(language in entry.names and language in entry.in_text for entry in FACTS)
        other |= {f"words.{key}": set() for key in catalogue.modality_texts(language)} if in_contract else {}
    assert english == other


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != catalogue.DEFAULT])
def test_the_words_of_verdicts_are_those_of_the_extension(language: str) -> None:
    """Where the extension has the language, too. There `$V1$` is what `{0}` is here."""
    file = Path(__file__).resolve().parents[2] / "extension" / "_locales" / language / "messages.json"
    if not file.is_file():
        pytest.skip(f"the extension has no {language}")
    messages = {
        key: re.sub(r"\$V(\d)\$", lambda found: f"{{{int(found[1]) - 1}}}", one["message"])
        for key, one in json.loads(file.read_text("utf-8")).items()
    }
    assert {key: text for key, text in CATALOGUES[language].words.items() if messages.get(key) != text} == {}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr-FR, en;q=0.7, de;q=0.3", "en"),
        ("en;q=0.2, de;q=0.9", "de"),
        ("de;q=0, en", "en"),
        ("xx;q=much, de", "de"),
        ("*", "en"),
        ("fr," * 5000 + "de", "en"),
    ],
)
def test_the_browsers_first_language_that_there_is(header: str, expected: str) -> None:
    assert accepted(header) == expected


def test_two_tables_with_the_same_key_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twice = (catalogue.HERE / "en.toml").read_text("utf-8").replace("[pages.new]\n", '[pages.new]\nsearch = "Search"\n')
    (tmp_path / "en.toml").write_text(twice, encoding="utf-8")
    monkeypatch.setattr(catalogue, "HERE", tmp_path)
    with pytest.raises(ValueError, match="pages: two tables have the key search"):
        load("en")

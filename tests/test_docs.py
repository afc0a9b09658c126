"""The documentation matches the program: settings, commands, files and terms that it names exist, and none is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main
from aiohttp import web

from server.__main__ import app
from server.settings import PREFIX, Settings, display_value
from server.web.http.operation import described
from server.web.routes import ROUTES

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
CHANGES = (
    "A seventh modality",
    "A source kind",
    "The retry policy",
    "A history column",
    "A setting",
    "The CNN's backbone",
    "A Report field",
    "The deny table",
    "An extension menu item",
    "A command",
    "A chart",
    "Near-duplicate grouping",
    "A language of the dashboard",
    "The memory limit of PDF children",
    "The batching on a GPU",
)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_readme_has_every_setting_with_its_default(name: str) -> None:
    row = next((line for line in README.splitlines() if line.startswith(f"| `{PREFIX}{name.upper()}` |")), None)
    assert row, f"README.md has no row for {PREFIX}{name.upper()}"
    field = Settings.model_fields[name]
    assert str(field.description) in row
    if name != "data_dir":
        default = display_value(field.get_default(call_default_factory=True))
        assert default in (None, "") or f"`{default}`" in row


@pytest.mark.parametrize("name", sorted(typer.main.get_command(app).commands))  # type: ignore[attr-defined]
def test_readme_has_every_command(name: str) -> None:
    assert re.search(rf"`medlens {name}\b", README)


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE).group(1).split())  # type: ignore[union-attr]
    described = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert phony == described


def test_every_link_of_the_documents_leads_somewhere() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name} links to {target}"


def files_named(text: str) -> list[str]:
    """The files and folders of this project that `text` names in backticks; names with a placeholder are left out."""
    parts = "|".join(
        re.escape(path.name) for path in ROOT.iterdir() if path.is_dir() and path.name not in {"dist", "runs", "build"}
    )
    return re.findall(rf"`((?:{parts})/[\w./-]*|[A-Z]+\.md|pyproject\.toml)`", text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    absent = [name for name in files_named(document.read_text(encoding="utf-8")) if not (ROOT / name).exists()]
    assert not absent, f"{document.name} names files that do not exist"


def test_contributing_says_which_files_each_typical_change_touches() -> None:
    sections = dict(re.findall(r"^## (.+?)\n(.+?)(?=^## |\Z)", CONTRIBUTING, re.MULTILINE | re.DOTALL))
    assert tuple(sections) == CHANGES
    for change, section in sections.items():
        assert len(set(files_named(section))) >= 2, f"CONTRIBUTING.md names no files for: {change}"


def tree() -> dict[str, str]:
    """The annotated tree of docs/architecture.md: path -> description. Folders end in a slash."""
    block = re.search(r"^```\n(server/\n.+?)^```", (ROOT / "docs/architecture.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert block
    found: dict[str, str] = {}
    folders: list[str] = []
    for line in block.group(1).splitlines():
        name, _, description = line.strip().partition(" ")
        folders[(len(line) - len(line.lstrip())) // 2 :] = [name]
        found["".join(folders)] = description.strip()
    return found


def test_the_tree_of_the_architecture_is_complete() -> None:
    """Every folder of server/ is in it, and every module, unless it is in a folder of which no file is listed."""
    listed = tree()
    assert not [path for path in listed if not (ROOT / path).exists()], "docs/architecture.md lists files that do not exist"
    assert not [path for path, description in listed.items() if not description and path != "server/"]
    with_files = {path.rpartition("/")[0] + "/" for path in listed if path.endswith(".py")}
    missing = []
    for module in sorted((ROOT / "server").rglob("*.py")):
        path, folder = (found.relative_to(ROOT).as_posix() for found in (module, module.parent))
        if f"{folder}/" not in listed or (f"{folder}/" in with_files and path not in listed and module.name != "__init__.py"):
            missing.append(path)
    assert not missing, "the tree of docs/architecture.md needs a line for each of these"


def test_every_class_in_the_glossary_exists() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "server").rglob("*.py"))
    names = re.findall(r"`([A-Z][a-zA-Z]+)`", (ROOT / "docs/glossary.md").read_text(encoding="utf-8"))
    assert names
    assert not [name for name in names if not re.search(rf"^(class )?{name}\b[:(]", source, re.MULTILINE)]


def test_the_threat_model_names_tests_settings_and_files_that_exist() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    paths = set(re.findall(r"`((?:tests|server|docs)/[\w/]+\.\w+)`", text))
    assert len(paths) > 20
    assert [path for path in sorted(paths) if not (ROOT / path).is_file()] == []
    assert set(re.findall(rf"`{PREFIX}(\w+)`", text)) <= {name.upper() for name in Settings.model_fields}
    rows = list(re.findall(r"^\| (?!who |---|guard )(.+) \|$", text.partition("## How a reader")[0], re.MULTILINE))
    assert rows
    assert [row for row in rows if "`tests/" not in row.rpartition(" | ")[2]] == []


def test_the_threat_model_says_who_may_call_each_route() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `([A-Z]+ /[^`…]*)` \| (\w+) \|$", text, re.MULTILINE))
    routes = [route for route in ROUTES if isinstance(route, web.RouteDef)]
    promised = {f"{route.method} {route.path}": described(route.handler) for route in routes}
    assert told == {route: promise.access for route, promise in promised.items() if promise is not None}
    assert None not in promised.values()

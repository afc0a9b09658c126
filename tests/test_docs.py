"""The documents speak of the program as it is: every setting, command and route appears in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from server.__main__ import app
from server.settings import PREFIX, Settings, display_value

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


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
    described = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
    assert phony == described


def test_every_link_of_the_documents_leads_somewhere() -> None:
    for document in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name} links to {target}"

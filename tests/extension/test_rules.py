"""The rules of the extension that its text alone can show: use of the browser's API, permissions, languages, both manifests."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.extension.hands import EXTENSION
from tests.extension.service import ROOT

SCRIPTS = sorted(path for path in EXTENSION.rglob("*.js"))
PAGES = sorted(EXTENSION.rglob("*.html"))
LANGUAGES = sorted((EXTENSION / "_locales").iterdir())
LOCALES = {folder.name: json.loads((folder / "messages.json").read_text()) for folder in LANGUAGES}
MANIFEST = json.loads((EXTENSION / "manifest.json").read_text())
LINTER = shutil.which("web-ext") or shutil.which("web-ext", path=str(ROOT / "node_modules/.bin"))


def code_of(path: Path) -> str:
    """Without comments."""
    return re.sub(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", "", path.read_text(), flags=re.DOTALL)


def those_with(pattern: str) -> set[str]:
    return {path.relative_to(EXTENSION).as_posix() for path in SCRIPTS if re.search(pattern, code_of(path))}


def test_two_files_use_the_extension_api() -> None:
    assert those_with(r"\bchrome\b|globalThis\.browser") == {"core/browser.js", "content/content_api.js"}


def test_one_file_fetches_and_one_keeps() -> None:
    assert those_with(r"\bfetch\(") == {
        "core/api.js",
        "content/collector.js",
    }  # the latter reads the page's own images, as the page could
    assert those_with(r"\bkept\.(get|set)\b|indexedDB|localStorage") <= {"core/settings.js", "core/vault.js", "core/browser.js"}


def test_nothing_becomes_markup_or_code() -> None:
    assert not those_with(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc")
    assert not [page for page in PAGES if re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\bstyle=", page.read_text())]


def test_content_scripts_know_no_token() -> None:
    for path in (EXTENSION / "content").glob("*.js"):
        assert not re.search(r"token|Authorization|Bearer|storage|settings", code_of(path)), path.name


def test_every_permission_has_its_reason() -> None:
    assert MANIFEST["permissions"] == ["activeTab", "contextMenus", "scripting", "storage"]
    assert MANIFEST["host_permissions"] == ["http://127.0.0.1/*"]
    told = (ROOT / "docs/extension.md").read_text()
    for name in (*MANIFEST["permissions"], *MANIFEST["host_permissions"], *MANIFEST["optional_host_permissions"]):
        assert f"`{name}`" in told, name


def test_the_policy_allows_no_foreign_code() -> None:
    policy = MANIFEST["content_security_policy"]["extension_pages"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_every_language_is_whole() -> None:
    english = LOCALES["en"]
    assert len(LOCALES) > 1
    for name, messages in LOCALES.items():
        assert messages.keys() == english.keys(), name
        for key, told in messages.items():
            assert told["message"].strip(), (name, key)
            assert told.get("placeholders") == english[key].get("placeholders"), (name, key)


def test_every_text_that_is_asked_for_exists_and_every_other_is_gone() -> None:
    written = "\n".join(path.read_text() for path in (*SCRIPTS, *PAGES, EXTENSION / "manifest.json"))
    exact = set(re.findall(r"\btext\(\"(\w+)\"", written)) | set(re.findall(r"data-t(?:-label|-title)?=\"(\w+)\"", written))
    exact |= set(re.findall(r"__MSG_(\w+)__", written))
    assert exact <= LOCALES["en"].keys(), exact - LOCALES["en"].keys()
    stems = set(re.findall(r"`(\w+_)\$\{", written)) | {f"{stem}_" for stem in re.findall(r"counted\(\"(\w+)\"", written)}
    named = set(re.findall(r"\"(\w+)\"", written))
    assert not [key for key in LOCALES["en"] if key not in exact | named and not any(key.startswith(stem) for stem in stems)]


def test_the_table_of_messages_is_the_shapes() -> None:
    shapes = set(re.findall(r"^  (\w+): \{ fields", (EXTENSION / "core/messages.js").read_text(), re.MULTILINE))
    table = (EXTENSION / "background/table.js").read_text().partition("export const TABLE")[2]
    assert set(re.findall(r"^  (\w+):", table, re.MULTILINE)) == shapes


def test_files_are_short() -> None:
    for path in (*SCRIPTS, *PAGES, *EXTENSION.rglob("*.css")):
        assert len(path.read_text().splitlines()) <= 250, path


def test_both_zips_hold_the_same_files_and_their_own_manifest(tmp_path: Path) -> None:
    folder = tmp_path / "firefox"
    subprocess.run([sys.executable, EXTENSION / "pack.py", "--folder", folder], check=True, capture_output=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["background"] == {"scripts": ["background/main.js"], "type": "module"}
    gecko = manifest["browser_specific_settings"]["gecko"]
    assert gecko["data_collection_permissions"] == {"required": ["browsingActivity"], "optional": ["websiteContent"]}
    assert manifest["permissions"] == MANIFEST["permissions"]
    assert not [path for path in folder.rglob("*") if path.suffix in {".py", ".svg", ".pyc"}]
    for script in SCRIPTS:
        assert (folder / script.relative_to(EXTENSION)).read_bytes() == script.read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(LINTER is None, reason="web-ext is not installed: npm install --no-save web-ext")
def test_mozillas_linter_finds_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "firefox"
    subprocess.run([sys.executable, EXTENSION / "pack.py", "--folder", folder], check=True, capture_output=True)
    done = subprocess.run([LINTER, "lint", "-s", folder, "-o", "json"], capture_output=True, text=True, check=False)
    found = json.loads(done.stdout[done.stdout.index("{") :])
    assert (found["errors"], found["warnings"]) == ([], [])

"""Writes what is made from server/contract/modalities.json and from the commands, and copies what dashboard and extension share.

`make generate` writes the files, `--check` (in `make lint`) only says which are stale. Made are the colours as CSS, the list of
modalities as a JS module and for the extension's content scripts, the modalities' names among the extension's texts, and the manual
page.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from server.__main__ import app  # noqa: E402
from server.cli.manual import page as manual_page  # noqa: E402
from server.contract.modalities import FACTS, MODALITIES, MODALITY_KEYS, Theme  # noqa: E402

SHARED = ROOT / "server/web/static/shared"
NOTE = "Made from server/contract/modalities.json by `make generate`."


def outputs() -> dict[Path, str]:
    """Each file that is made, and its text."""
    made = {SHARED / "modalities.js": module()}
    copied = {path: path.read_text(encoding="utf-8") for path in SHARED.glob("*.js")} | made
    return (
        made
        | {ROOT / "extension/shared" / path.name: text for path, text in copied.items()}
        | {ROOT / folder / "modalities.css": stylesheet() for folder in ("server/web/static/css", "extension")}
        | {ROOT / "extension/content/modalities.js": content_script(), ROOT / "server/cli/medlens.1": manual_page(app)}
        | {path: messages(path) for path in sorted((ROOT / "extension/_locales").glob("*/messages.json"))}
    )


def module() -> str:
    return (
        f"// {NOTE}\n"
        f"export const MODALITIES = {json.dumps(list(MODALITIES))};\n"
        f"/** The key that labels an image as each of them. */\nexport const KEYS = {json.dumps(MODALITY_KEYS)};\n"
    )


def stylesheet() -> str:
    """Colours as custom properties, and classes that fill or line something with one."""
    light, dark = (" ".join(f"--{entry.id}: {entry.colours[theme]};" for entry in FACTS) for theme in _THEMES)
    rules = "".join(
        f".fill-{name} {{ fill: var(--{name}); background-color: var(--{name}); }}\n.line-{name} {{ stroke: var(--{name}); }}\n"
        for name in MODALITIES
    )
    return f"/* {NOTE} */\n:root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n{rules}"


def content_script() -> str:
    """Content scripts cannot import; theirs are marks on a page, whose labels are dark in both themes."""
    rules = " ".join(f".{entry.id} {{ --hue: {entry.colours['dark']}; }}" for entry in FACTS)
    return (
        f"// {NOTE}\n"
        f'medlens.define("modalities", () => ({{\n  ids: {json.dumps(list(MODALITIES))},\n  css: {json.dumps(rules)},\n}}));\n'
    )


def messages(path: Path) -> str:
    """The extension's texts in one language, the names of the modalities in the place of those that were there."""
    language = path.parent.name
    kept = json.loads(path.read_text(encoding="utf-8"))
    names = {entry.name_key: {"message": entry.names[language]} for entry in FACTS}
    names |= {f"in_text_{entry.id}": {"message": entry.in_text[language]} for entry in FACTS}
    others = [(key, value) for key, value in kept.items() if not key.startswith(("modality_", "in_text_"))]
    at = list(kept).index("action") + 1
    lines = [*others[:at], *names.items(), *others[at:]]
    return "{\n" + ",\n".join(f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in lines) + "\n}\n"


def stale() -> list[Path]:
    """The files that are not as they would be made now, and those in extension/shared that nothing makes."""
    made = outputs()
    wrong = [path for path, text in made.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    return wrong + [path for path in (ROOT / "extension/shared").glob("*") if path not in made]


_THEMES: tuple[Theme, Theme] = ("light", "dark")


def main() -> None:
    parser = argparse.ArgumentParser(description="write the files made from modalities.json")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    wrong = stale()
    if parser.parse_args().check:
        if wrong:
            sys.exit(f"stale, `make generate` writes them: {', '.join(str(path.relative_to(ROOT)) for path in wrong)}")
        return
    made = outputs()
    for path in wrong:
        if path in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made[path], encoding="utf-8")
        else:
            path.unlink()
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()

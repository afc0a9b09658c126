"""Loads a language of the dashboard from its file in this folder, once, when the service starts.

The names of the modalities and the words of verdicts are in server/contract/, since the terminal and the extension have them too.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from server.charts.chart import ChartTexts
from server.contract import words

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`pages`: what templates read as `t.key`; `scripts`: what scripts read; `names`: by group and id; `readme`: of archives."""

    pages: SimpleNamespace
    scripts: Mapping[str, str]
    names: Mapping[str, Mapping[str, str]]
    charts: ChartTexts
    readme: Mapping[str, str]


def load(language: str) -> Catalogue:
    """The catalogue of `language`. Raises ValueError if two of its tables have the same key."""
    content = tomllib.loads((HERE / f"{language}.toml").read_text(encoding="utf-8"))
    scripts = [
        {key: text for key, text in words.TEXTS.items() if not key.startswith("why_")},
        {f"source_{source}": name for source, name in content["names"]["context"].items()},
    ]
    return Catalogue(
        pages=SimpleNamespace(**_merged("pages", content["pages"].values())),
        scripts=_merged("scripts", [*content["scripts"].values(), *scripts]),
        names=content["names"],
        charts=ChartTexts(
            charts={name: (chart["title"], chart["note"]) for name, chart in content["charts"].items()},
            columns=content["columns"],
            stages=content["stages"],
        ),
        readme=content["readme"],
    )


def _merged(what: str, tables: Iterable[Mapping[str, str]]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for table in tables:
        if twice := merged.keys() & table.keys():
            raise ValueError(f"{what}: two tables have the key {min(twice)}")
        merged |= table
    return merged


ENGLISH = load("en")
TEXTS = ENGLISH.pages

"""The languages of the dashboard: one file each in this folder, loaded once, and the language of the request that is answered.

English words of verdicts are in server/contract/words.py, since the terminal has them too; another language has them in its file.
The names of modalities are in server/contract/modalities.json; a language that is not there has them in its file, or in English.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from server.charts.chart import ChartTexts
from server.contract import words
from server.contract.modalities import FACTS, MODALITIES, Modality

HERE = Path(__file__).parent
DEFAULT = "en"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`pages`: what templates read as `t.key`; `scripts`: what scripts read; `names`: by group and id; `readme`: of archives.

    `name` is the language's own; `direction` is ltr or rtl, `decimal` the decimal mark.
    """

    language: str
    name: str
    direction: str
    decimal: str
    pages: SimpleNamespace
    scripts: Mapping[str, str]
    names: Mapping[str, Mapping[str, str]]
    charts: ChartTexts
    readme: Mapping[str, str]
    words: words.Texts
    modality_names: Mapping[Modality, str]


def load(language: str) -> Catalogue:
    """The catalogue of `language`. Raises ValueError if two of its tables have the same key."""
    content = tomllib.loads((HERE / f"{language}.toml").read_text(encoding="utf-8"))
    verdicts: words.Texts = words.TEXTS if language == DEFAULT else modality_texts(language) | content["words"]
    modality_names = {modality: verdicts[f"modality_{modality}"] for modality in MODALITIES}
    scripts = [
        {key: text for key, text in verdicts.items() if not key.startswith(("why_", "modality_"))},
        {f"source_{source}": name for source, name in content["names"]["context"].items()},
    ]
    return Catalogue(
        language=language,
        **content["language"],
        pages=SimpleNamespace(**_merged("pages", content["pages"].values())),
        scripts=_merged("scripts", [*content["scripts"].values(), *scripts]),
        names=content["names"],
        charts=ChartTexts(
            charts={name: (chart["title"], chart["note"]) for name, chart in content["charts"].items()},
            columns=content["columns"],
            stages=content["stages"],
            modalities=modality_names,
        ),
        readme=content["readme"],
        words=verdicts,
        modality_names=modality_names,
    )


def modality_texts(language: str) -> dict[str, str]:
    """The names of the modalities, alone and inside a sentence, under the keys of `words.TEXTS`."""
    alone = {f"modality_{entry.id}": entry.names.get(language, entry.names[DEFAULT]) for entry in FACTS}
    return alone | {f"in_text_{entry.id}": entry.in_text.get(language, entry.in_text[DEFAULT]) for entry in FACTS}


def _merged(what: str, tables: Iterable[Mapping[str, str]]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for table in tables:
        if twice := merged.keys() & table.keys():
            raise ValueError(f"{what}: two tables have the key {min(twice)}")
        merged |= table
    return merged


CATALOGUES: Mapping[str, Catalogue] = {path.stem: load(path.stem) for path in sorted(HERE.glob("*.toml"))}
ENGLISH = CATALOGUES[DEFAULT]
_current: ContextVar[Catalogue] = ContextVar("catalogue", default=ENGLISH)


def speak(language: str) -> None:
    """Answer the request that this task serves in `language`."""
    _current.set(CATALOGUES[language])


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak `language` inside of the block."""
    before = _current.set(CATALOGUES[language])
    try:
        yield
    finally:
        _current.reset(before)


def current() -> Catalogue:
    """The catalogue of the request that is answered; English outside of one."""
    return _current.get()


def texts() -> SimpleNamespace:
    """Its texts of pages."""
    return current().pages

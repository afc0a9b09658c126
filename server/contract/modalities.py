"""What a modality is: modalities.json read once. Names, keys and colours of every page, table, chart and sheet come from here.

The order of the list is the order everywhere: of probabilities in arrays and in the database, of columns, filters and keys. Another
modality is one more entry before `non_medical`, a migration (CONTRIBUTING.md says what it does), and trained models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

FILE = Path(__file__).with_name("modalities.json")
Theme: TypeAlias = Literal["light", "dark"]
# An id is a column of the database, a folder's name, a CSS class and a key of the Report.
ID = re.compile(r"[a-z][a-z_]{0,15}")
KEY = re.compile(r"[1-9]")
COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class ModalityFacts:
    """One entry of the file. `key`: pressed to label an image. `name_key`: of its name among an interface's texts. `names` and, as
    they stand inside a sentence, `in_text`: by language, English at least. `colours`: by theme, as #rrggbb."""

    id: Modality
    key: str
    name_key: str
    names: Mapping[str, str]
    in_text: Mapping[str, str]
    colours: Mapping[Theme, str]


def read_modalities(file: Path) -> tuple[ModalityFacts, ...]:
    """The entries of `file` in their order. Raises ValueError that says what is wrong with it."""
    entries = tuple(_facts(entry) for entry in json.loads(file.read_text(encoding="utf-8")))
    for field in ("id", "key", "name_key"):
        values = [getattr(entry, field) for entry in entries]
        if len(set(values)) != len(values):
            raise ValueError(f"{file.name}: two modalities have the same {field}")
    if not entries or entries[-1].id != NON_MEDICAL:
        raise ValueError(f"{file.name}: the last modality must be {NON_MEDICAL}")
    if any(not entries[0].names.keys() == entry.names.keys() == entry.in_text.keys() for entry in entries):
        raise ValueError(f"{file.name}: every modality needs a name in every language")
    return entries


def _facts(entry: Mapping[str, Any]) -> ModalityFacts:
    facts = ModalityFacts(entry["id"], entry["key"], entry["name_key"], entry["name"], entry["in_text"], entry["colour"])
    if not ID.fullmatch(facts.id) or not KEY.fullmatch(facts.key):
        raise ValueError(f"{facts.id!r} with key {facts.key!r}: an id is lower-case letters, at most 16, a key is 1 to 9")
    if not facts.names.get("en") or facts.colours.keys() != {"light", "dark"}:
        raise ValueError(f"{facts.id} needs an English name, and a colour for light and for dark")
    if not all(COLOUR.fullmatch(colour) for colour in facts.colours.values()):
        raise ValueError(f"{facts.id}: a colour is written #rrggbb")
    return facts


NON_MEDICAL: Modality = "non_medical"
FACTS = read_modalities(FILE)
MODALITIES: tuple[Modality, ...] = tuple(entry.id for entry in FACTS)
MEDICAL: tuple[Modality, ...] = MODALITIES[:-1]  # all but NON_MEDICAL, which is the last
MODALITY_NAMES: Mapping[Modality, str] = {entry.id: entry.names["en"] for entry in FACTS}
MODALITY_NAMES_IN_TEXT: Mapping[Modality, str] = {entry.id: entry.in_text["en"] for entry in FACTS}
MODALITY_KEYS: Mapping[Modality, str] = {entry.id: entry.key for entry in FACTS}

if TYPE_CHECKING:
    Modality: TypeAlias = str
else:
    Modality = Literal[MODALITIES]  # pydantic refuses other values, and openapi.json lists these


def colours(theme: Theme) -> Sequence[str]:
    """The colour of each modality, in their order."""
    return [entry.colours[theme] for entry in FACTS]

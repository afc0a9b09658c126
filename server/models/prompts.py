"""Prompts for zero-shot: words that describe each modality, and a user's own classes, read from TOML.

The shipped ones are prompts/MODALITY.toml. A user's one file (MEDLENS_PROMPTS) looks like this, every part of it optional:

    templates = ["{}", "an image of {}"]        # every prompt in each template; their vectors are averaged

    [xray]                                       # takes the place of the shipped prompts of this modality
    prompts = ["a chest film", "a hand x-ray"]

    [classes.pacemaker]                          # a class of your own
    prompts = ["a chest x-ray with a pacemaker"]
    templates = ["{}"]

Own classes are scored and named (`medlens cluster`, ZeroShot.scores) but never change a verdict.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from server.contract.errors import SettingsError
from server.contract.modalities import MODALITIES

FOLDER = Path(__file__).parent / "prompts"
DEFAULT_TEMPLATES = ("{}",)
OWN_CLASSES = "classes"

# A text tower embeds some hundred texts a second on one core, and a worker embeds all of them before its first image
# where the same ones are not yet kept (prompt_vectors.py).
MAX_TEXTS = 2000
MAX_LENGTH = 400  # characters of one text: more than the 64 to 77 tokens that CLIP text towers read
MAX_FILE_BYTES = 1_000_000


@dataclass(frozen=True)
class PromptClass:
    """One class: `name`, one of the six modalities or a user's own, and its `prompts`, each used in every template."""

    name: str
    prompts: tuple[str, ...]
    templates: tuple[str, ...] = DEFAULT_TEMPLATES

    @cached_property
    def texts(self) -> tuple[tuple[str, ...], ...]:
        """For each prompt the texts whose embeddings are averaged."""
        return tuple(tuple(template.replace("{}", prompt) for template in self.templates) for prompt in self.prompts)


@dataclass(frozen=True)
class Prompts:
    """The six modalities in the order of MODALITIES, then the user's own classes."""

    modalities: tuple[PromptClass, ...]
    own: tuple[PromptClass, ...] = ()


def load_prompts(path: Path | None = None) -> Prompts:
    """The shipped prompts, or with `path` (MEDLENS_PROMPTS) the user's in their place.

    Raises SettingsError with the place in the file.
    """
    shipped = {modality: _class(modality, _read(FOLDER / f"{modality}.toml"), DEFAULT_TEMPLATES, "") for modality in MODALITIES}
    if path is None:
        return Prompts(tuple(shipped.values()))
    given = _read(path)
    templates = _texts(given.get("templates", list(DEFAULT_TEMPLATES)), f"{path.name}: templates")
    if unknown := sorted(set(given) - {"templates", OWN_CLASSES, *MODALITIES}):
        raise SettingsError(
            f"MEDLENS_PROMPTS: {path.name} has [{unknown[0]}]; known are {', '.join(MODALITIES)}, and [classes.NAME] for your own"
        )
    own_tables = given.get(OWN_CLASSES, {})
    if not isinstance(own_tables, dict):
        raise SettingsError(f"MEDLENS_PROMPTS: {path.name}: write [classes.NAME] with prompts below it")
    if taken := sorted(set(own_tables) & set(MODALITIES)):
        raise SettingsError(f"MEDLENS_PROMPTS: {path.name}: [classes.{taken[0]}] is a modality's name; write [{taken[0]}]")
    modalities = tuple(
        _class(name, given[name], templates, f"{path.name}: ") if name in given else shipped[name] for name in MODALITIES
    )
    own = tuple(_class(name, table, templates, f"{path.name}: classes.") for name, table in own_tables.items())
    count = sum(len(one.prompts) * len(one.templates) for one in (*modalities, *own))
    if count > MAX_TEXTS:
        raise SettingsError(
            f"MEDLENS_PROMPTS: {path.name}: {count} texts (prompts x templates) are more than the {MAX_TEXTS} allowed"
        )
    return Prompts(modalities, own)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise SettingsError(f"MEDLENS_PROMPTS: {path} is larger than the {MAX_FILE_BYTES} bytes allowed")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"MEDLENS_PROMPTS: cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"MEDLENS_PROMPTS: {path} is not TOML: {error}") from None


def _class(name: str, table: object, templates: tuple[str, ...], where: str) -> PromptClass:
    where = f"{where}{name}"
    if not isinstance(table, dict) or "prompts" not in table:
        raise SettingsError(f'MEDLENS_PROMPTS: {where} needs prompts = ["...", ...]')
    if unknown := sorted(set(table) - {"prompts", "templates"}):
        raise SettingsError(f"MEDLENS_PROMPTS: {where} has {unknown[0]}; known are prompts and templates")
    prompts = _texts(table["prompts"], f"{where}: prompts")
    own = _texts(table["templates"], f"{where}: templates") if "templates" in table else templates
    if without := [template for template in own if template.count("{}") != 1]:
        raise SettingsError(f"MEDLENS_PROMPTS: {where}: the template {without[0]!r} needs one {{}} where the prompt goes")
    return PromptClass(name, prompts, own)


def _texts(given: object, where: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not given or not all(isinstance(text, str) and text.strip() for text in given):
        raise SettingsError(f"MEDLENS_PROMPTS: {where} must be a list of texts, not {given!r}")
    if too_long := [text for text in given if len(text) > MAX_LENGTH]:
        raise SettingsError(f"MEDLENS_PROMPTS: {where}: a text of {len(too_long[0])} characters is longer than {MAX_LENGTH}")
    return tuple(dict.fromkeys(given))

"""Reads the terms that the text model looks for from terms.toml, and finds them in a text."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

from server.context.words import Word, fold, words_of
from server.contract.modalities import MODALITIES, NON_MEDICAL, Modality

FILE = Path(__file__).parent / "terms.toml"
# The number of first letters by which terms that end in a wildcard are looked up.
PREFIX = 3

List: TypeAlias = Literal[
    "names", "acronyms", "file_names", "details", "abbreviations", "hints", "drawn", "taken", "before", "after", "until", "harmless"
]
MODALITY_LISTS: tuple[List, ...] = ("names", "acronyms", "file_names", "details", "abbreviations", "hints")
IN_CAPITALS: frozenset[List] = frozenset(("acronyms", "abbreviations"))
PICTURE_LISTS: tuple[List, ...] = ("drawn", "taken")
CUE_LISTS: tuple[List, ...] = ("before", "after", "until", "harmless")


@dataclass(frozen=True, slots=True)
class Term:
    """One entry of terms.toml: its words (with wildcards), the list that it is in, and the modality of that list."""

    pattern: tuple[str, ...]
    list: List
    modality: Modality | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """One occurrence of a term in a text: the words `first` to `last`, `last` not included."""

    term: Term
    first: int
    last: int


@dataclass(slots=True)
class Terms:
    """All terms, indexed by their first words. `reach`: the most words that a negation covers."""

    reach: int
    _exact: dict[str, list[Term]] = field(default_factory=lambda: defaultdict(list))
    _prefixes: dict[str, list[Term]] = field(default_factory=lambda: defaultdict(list))
    _suffixes: list[Term] = field(default_factory=list)

    def add(self, term: Term) -> None:
        first = term.pattern[0]
        if first.startswith("*"):
            self._suffixes.append(term)
        elif first.endswith("*"):
            self._prefixes[first[:PREFIX]].append(term)
        else:
            self._exact[first].append(term)

    def mentions(self, words: Sequence[Word], *, file_name: bool = False) -> Iterator[Mention]:
        """The terms in a text, or in the name of a file, from left to right, the longest at each word."""
        at = 0
        while at < len(words):
            best = max(self._at(words, at, file_name), key=_specific, default=None)
            if best is None:
                at += 1
                continue
            yield Mention(best, at, at + len(best.pattern))
            at += len(best.pattern)

    def _at(self, words: Sequence[Word], at: int, file_name: bool) -> Iterator[Term]:
        word = words[at].folded
        for group in (self._exact.get(word, ()), self._prefixes.get(word[:PREFIX], ()), self._suffixes):
            for term in group:
                small = term.list in IN_CAPITALS and not words[at].capitals
                if _fits(term, words, at) and not small and (file_name or term.list != "file_names"):
                    yield term


def _fits(term: Term, words: Sequence[Word], at: int) -> bool:
    if at + len(term.pattern) > len(words):
        return False
    return all(_alike(part, words[at + offset].folded) for offset, part in enumerate(term.pattern))


def _alike(part: str, word: str) -> bool:
    if part.endswith("*"):
        return word.startswith(part[:-1])
    return word.endswith(part[1:]) and len(word) > len(part) - 1 if part.startswith("*") else word == part


def _specific(term: Term) -> tuple[int, int]:
    return len(term.pattern), sum(map(len, term.pattern)) - 2 * sum("*" in part for part in term.pattern)


@cache
def shipped_terms() -> Terms:
    """The terms of terms.toml."""
    content = tomllib.loads(FILE.read_text("utf-8"))
    cues = content["taken_back"]
    terms = Terms(reach=int(cues["reach"]))
    for modality in MODALITIES:
        if modality != NON_MEDICAL:
            for name in MODALITY_LISTS:
                _add(terms, content[modality].get(name, ()), name, modality)
    for name in PICTURE_LISTS:
        _add(terms, content["picture"][name], name)
    for name in CUE_LISTS:
        _add(terms, cues[name], name)
    return terms


def _add(terms: Terms, entries: Sequence[str], name: List, modality: Modality | None = None) -> None:
    for entry in entries:
        terms.add(Term(pattern_of(entry), name, modality))


def pattern_of(entry: str) -> tuple[str, ...]:
    """An entry as the words it must match, wildcards kept: "X-ray tomogra*" is ("x", "ray", "tomogra*")."""
    parts: list[str] = []
    for part in entry.split():
        inner = part.strip("*")
        folded = [word.folded for word in words_of(inner)] or [fold(inner)]
        if part.startswith("*"):
            folded[0] = f"*{folded[0]}"
        if part.endswith("*"):
            folded[-1] = f"{folded[-1]}*"
        parts += folded
    return tuple(parts)

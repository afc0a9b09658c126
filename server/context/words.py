"""Splits a text into words for comparison: lower case, without accents, with the ends of clauses marked."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

# Words of one text that are read. A caption has 20 to 150; further words belong to something else.
MAX_WORDS = 200

Stop = Literal["", "comma", "end"]

_WORD = re.compile(r"[^\W_]+(?:&[^\W_]+)?")
_END = re.compile(r"[.;:!?()|•·\[\]\n]|\s[-–—]+\s")
_DECIMAL = re.compile(r"[.,]")


@dataclass(frozen=True, slots=True)
class Word:
    """`folded`: lower case, no accents. `start`, `end`: its position in the text. `capitals`: written entirely in capitals.

    `stop`: what follows it, a comma or the end of a clause.
    """

    folded: str
    start: int
    end: int
    capitals: bool
    stop: Stop = ""


def fold(text: str) -> str:
    """Lower case and without accents: "Röntgen", "ÉCHO" and "œil" are "rontgen", "echo" and "oeil"."""
    plain = text.casefold().replace("œ", "oe").replace("æ", "ae")
    return "".join(char for char in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(char))


def words_of(text: str) -> list[Word]:
    """The first MAX_WORDS words of a text, in order."""
    found: list[re.Match[str]] = []
    for match in _WORD.finditer(text):
        if len(found) >= MAX_WORDS:
            break
        found.append(match)
    ends = [match.start() for match in found[1:]] + [len(text)] * bool(found)
    return [_word(match, text[match.end() : until]) for match, until in zip(found, ends, strict=True)]


def _word(match: re.Match[str], behind: str) -> Word:
    written = match.group()
    capitals = written.isupper() and not written.isdigit()
    return Word(fold(written), match.start(), match.end(), capitals, _stop(behind))


def _stop(behind: str) -> Stop:
    if _DECIMAL.fullmatch(behind):  # "1.5 T", "a,b": no clause ends without a space
        return ""
    return "end" if _END.search(behind) else "comma" if "," in behind else ""


def shouts(words: list[Word]) -> bool:
    """Whether most words of a text are written in capitals, so that capitals do not mark acronyms."""
    letters = [word for word in words if not word.folded.isdigit()]
    return len(letters) >= 3 and sum(word.capitals for word in letters) >= 0.8 * len(letters)


_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z]{2})(?=[0-9])|(?<=[0-9])(?=[A-Za-z]{3})")


def file_words(name: str) -> str:
    """A file's name as words: "brainMRI_axial-01.png" is "brain MRI axial 01"."""
    stem = name.rpartition(".")[0] or name
    return " ".join(_CAMEL.sub(" ", re.sub(r"[\W_]+", " ", stem)).split())

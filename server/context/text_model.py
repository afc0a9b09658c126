"""The text model: which modality a text beside an image names, as a softmax over five modalities and "does not say".

The score of a modality is a weighted sum over its lists of terms: each weight is multiplied by how much of the list the text states
(0 for no term, near 1 for many). "Does not say" has a score of its own, which is raised by terms of charts, drawings and machines,
and by the naming of several modalities. The weights are in weights.json, fitted by server/training/context/fit_context.py.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from server.context.statements import Statements, statements_of
from server.context.terms import MODALITY_LISTS, PICTURE_LISTS, List, Mention
from server.contract.modalities import MEDICAL, Modality

FILE = Path(__file__).parent / "weights.json"
# How much of a list a text states is 1 - KEPT ** count: repeated terms add less and less, and the value stays below 1.
KEPT = 0.25
# What has weights: the lists of modalities (FEATURES maps similar lists to one weight), and the features of "does not say": the
# lists of images that are not medical, and the naming of several modalities.
STATED = ("names", "details", "hints")
SILENCING = (*PICTURE_LISTS, "several")
FEATURES: Mapping[List, str] = {"acronyms": "names", "file_names": "names", "abbreviations": "details"}
# Readings kept in memory: many images of a page have the same title and headings.
READINGS = 2048
# Characters that may follow a quote at the end of a text; others are marked by "…".
ENDS = " .,;:!?)]}'’\"”»"
# Most characters of a quote: the deciding term and the words around it.
QUOTE_CHARS = 120


@dataclass(frozen=True, slots=True)
class Weights:
    """`lists`: a weight for each of STATED and SILENCING. `silent`: the score of "does not say" for a text without terms."""

    lists: Mapping[str, float]
    silent: float


@dataclass(frozen=True, slots=True)
class Reading:
    """`says`: probability of each medical modality, given that the text names one. `tells`: probability that it names one.

    `quotes`: for each modality it mentions, the words around the first mention.
    """

    says: Mapping[Modality, float]
    tells: float
    quotes: Mapping[Modality, str]


def features(statements: Statements) -> tuple[list[list[float]], list[float]]:
    """The features of a text, each 0..1: [5 modalities][STATED], and [SILENCING]."""
    counts = Counter((mention.term.modality, _feature(mention)) for mention in statements.stated)
    stated = [[1 - KEPT ** counts[modality, name] for name in STATED] for modality in MEDICAL]
    named = sum(counts[modality, "names"] > 0 for modality in MEDICAL)
    return stated, [*(1 - KEPT ** counts[None, name] for name in PICTURE_LISTS), 1 - KEPT ** max(0, named - 1)]


def _feature(mention: Mention) -> str:
    return FEATURES.get(mention.term.list, mention.term.list)


def scores(stated: Sequence[Sequence[float]], other: Sequence[float], weights: Weights) -> list[float]:
    """Six scores: the medical modalities, then "does not say"."""
    of_modalities = [sum(weights.lists[name] * part for name, part in zip(STATED, row, strict=True)) for row in stated]
    return [*of_modalities, weights.silent + sum(weights.lists[name] * part for name, part in zip(SILENCING, other, strict=True))]


@lru_cache(READINGS)
def read(text: str, *, file_name: bool = False) -> Reading:
    """Read one text, or, with `file_name`, the words of a file's name."""
    statements = statements_of(text, file_name=file_name)
    values = scores(*features(statements), shipped_weights())
    most = max(values)
    shares = [math.exp(value - most) for value in values]
    told = sum(shares[:-1])
    quotes: dict[Modality, str] = {}
    for mention in sorted(statements.stated, key=lambda one: MODALITY_LISTS.index(one.term.list) if one.term.modality else 9):
        if mention.term.modality:
            quotes.setdefault(mention.term.modality, _quote(text, statements, mention))
    return Reading(
        {name: share / told for name, share in zip(MEDICAL, shares[:-1], strict=True)}, told / (told + shares[-1]), quotes
    )


@cache
def shipped_weights() -> Weights:
    """The weights of weights.json."""
    content = json.loads(FILE.read_bytes())
    return Weights({str(name): float(value) for name, value in content["lists"].items()}, float(content["silent"]))


def _quote(text: str, statements: Statements, mention: Mention) -> str:
    """The mention with the words around it, at most QUOTE_CHARS characters; "…" where the text continues."""
    words = statements.words
    first, last = mention.first, mention.last - 1
    while True:
        wider = max(0, first - 1), min(len(words) - 1, last + 1)
        if wider == (first, last) or words[wider[1]].end - words[wider[0]].start > QUOTE_CHARS:
            break
        first, last = wider
    before, after = words[first].start, words[last].end
    quote = text[before:after]
    if len(quote) > QUOTE_CHARS:  # one word of a text without spaces
        quote, after = quote[:QUOTE_CHARS], before + QUOTE_CHARS
    return f"{'…' if before > 0 else ''}{quote}{'…' if text[after:].strip(ENDS) else ''}"

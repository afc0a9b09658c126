"""What a text states about an image's modality: the terms that it mentions, without negated ones ("no CT", "unlike MRI")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.context.terms import IN_CAPITALS, Mention, Terms, shipped_terms
from server.context.words import Word, shouts, words_of

# "no CT, MRI or ultrasound": a comma does not end a negation if one of OR_WORDS follows within OR_WITHIN words.
OR_WORDS = frozenset(("or", "nor", "oder", "ou", "ni", "o", "noch"))
OR_WITHIN = 4


@dataclass(frozen=True, slots=True)
class Statements:
    """The words of a text, and the terms it states: those of modalities and those of images that are not medical."""

    words: Sequence[Word]
    stated: tuple[Mention, ...]


def statements_of(text: str, *, file_name: bool = False, terms: Terms | None = None) -> Statements:
    """Read a text, or, with `file_name`, the words of a file's name."""
    terms = terms or shipped_terms()
    words = words_of(text)
    mentions = list(terms.mentions(words, file_name=file_name))
    if shouts(words):
        mentions = [mention for mention in mentions if mention.term.list not in IN_CAPITALS]
    back = _taken_back(words, mentions, terms.reach)
    stated = [mention for mention in mentions if mention.first not in back]
    # Terms of photographs count only in the first two sentences and in those that name a modality: a doctor who is named at the end
    # of a caption does not make the image a portrait.
    heads = {0, 1} | {_sentence(words, mention.first) for mention in stated if mention.term.modality}
    kept = (
        mention
        for mention in stated
        if mention.term.modality
        or mention.term.list == "drawn"
        or (mention.term.list == "taken" and _sentence(words, mention.first) in heads)
    )
    return Statements(words, tuple(kept))


def _sentence(words: Sequence[Word], at: int) -> int:
    """The number of the sentence that a word is in, from 0."""
    return sum(word.stop == "end" for word in words[:at])


def _taken_back(words: Sequence[Word], mentions: Sequence[Mention], reach: int) -> set[int]:
    """The indices of the words that the cues in a text negate."""
    back: set[int] = set()
    starts = {mention.first: mention for mention in mentions}
    for mention in mentions:
        if mention.term.list == "before":
            back.update(_behind(words, starts, mention.last, reach))
        elif mention.term.list == "after":
            back.update(_in_front(words, mention.first, reach))
    return back


def _behind(words: Sequence[Word], starts: dict[int, Mention], first: int, reach: int) -> range:
    """The words after a cue that it negates: up to the end of the clause, or up to a term that ends the negation (list `until`)."""
    if first < len(words) and words[first - 1].stop == "end":
        return range(0)
    at = first
    while at < min(len(words), first + reach):
        here = starts.get(at)
        if here is not None and here.term.list == "harmless" and at <= first + 1:
            return range(0)
        if here is not None and here.term.list == "until" and at > first:
            break
        step = here.last if here is not None else at + 1
        at = step
        if words[at - 1].stop == "end" or (words[at - 1].stop == "comma" and not _or_follows(words, at)):
            break
    return range(first, at)


def _or_follows(words: Sequence[Word], at: int) -> bool:
    return any(word.folded in OR_WORDS for word in words[at : at + OR_WITHIN])


def _in_front(words: Sequence[Word], last: int, reach: int) -> range:
    """The words before a cue that it negates, back to the beginning of the clause."""
    at = last
    while at > max(0, last - reach) and words[at - 1].stop == "":
        at -= 1
    return range(at, last)

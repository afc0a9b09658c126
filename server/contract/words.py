"""A verdict in words, as people say it, and one sentence that explains why it is sure or not.

static/shared/words.js of the dashboard holds the same rules for scripts; both are tested with tests/contract/words.json. A rule
chooses a text by its key and fills in names. The English texts are here; another language gives its own with the same keys, as
`texts`. The extension's are in its _locales.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from server.contract.modalities import MEDICAL, MODALITIES, MODALITY_NAMES, MODALITY_NAMES_IN_TEXT, NON_MEDICAL, Modality
from server.contract.percent import percent
from server.contract.records import Panel
from server.contract.verdict import FAVOURITE, Context, Probabilities, Verdict, likeliest

# P(medical) from which an unsure answer is "probably" medical, and up to which it is "probably not": three chances in four.
PROBABLY, PROBABLY_NOT = 0.75, 0.25
# Above this probability it is not the threshold that keeps an answer from being sure, but that the image is unlike those known.
BEYOND_THRESHOLDS = 0.99

MEMBER_NAMES: Mapping[str, str] = {"cnn": "CNN", "clip": "CLIP", "kmeans": "K-Means"}
Texts: TypeAlias = Mapping[str, str]
TEXTS: Texts = {
    "verdict_probably": "Probably {0}",
    "verdict_between": "Medical, {0}",
    "verdict_probably_medical": "Probably medical, {0}",
    "verdict_possibly_medical": "Possibly medical",
    "verdict_probably_not": "Probably not medical",
    "verdict_figure": "Figure with {0}",
    "verdict_probably_figure": "Probably a figure with {0}",
    "list_and": "{0} and {1}",
    "list_or": "{0} or {1}",
    "list_more": "{0}, {1}",
    **{f"modality_{modality}": name for modality, name in MODALITY_NAMES.items()},
    **{f"in_text_{modality}": name for modality, name in MODALITY_NAMES_IN_TEXT.items()},
    "why_corrected": "You labelled it; the models had said {0}.",
    "why_confirmed": "You confirmed what the models had said.",
    "why_figure": "Sure: a figure is judged by its parts, and its most surely medical panel decides.",
    "why_figure_unsure": "Not sure: a figure is judged by its parts, and none of its panels is sure.",
    "why_settled": "Sure by the words that stand with it; the image alone leaves it open.",
    "why_words_agree": "Sure: the image and the words that stand with it agree.",
    "why_words_differ": "Not sure: the words that stand with it say {0}.",
    "why_sure": "Sure: all models agree.",
    "why_sure_alone": "Sure: nothing else is likely.",
    "why_sure_though": "Sure, although one of the models sees something else.",
    "why_disagree": "Not sure: the models disagree. {0}.",
    "why_member": "{0} says {1}",
    "why_medical": "Not sure whether it is medical at all: {0} speaks for it.",
    "why_close": "Not sure which: {0} are close.",
    "why_unlike": "Not sure: it looks like {0}, yet unlike the images that the models learned from.",
    "why_below": "Not sure: {0} is likeliest, but not by as much as a sure answer needs.",
}


def headline(verdict: Verdict, texts: Texts = TEXTS) -> str:
    """A few words: MRI; Probably MRI; Medical, CT or MRI; Possibly medical; Not medical; Figure with CT and MRI."""
    medical = verdict.medical
    if len(verdict.contains) > 1:
        return _text(texts, "verdict_figure" if medical.sure else "verdict_probably_figure", _list("and", verdict.contains, texts))
    if verdict.corrected or verdict.sure:
        return texts[f"modality_{verdict.modality}"]
    if not verdict.is_medical:
        unlikely = medical.sure or medical.probability <= PROBABLY_NOT
        return _text(texts, "verdict_probably_not" if unlikely else "verdict_possibly_medical")
    if not medical.sure and medical.probability < PROBABLY:
        return _text(texts, "verdict_possibly_medical")
    if verdict.open in (None, NON_MEDICAL):
        return _text(texts, "verdict_probably", _in_text(texts, verdict.modality))
    return _text(texts, "verdict_between" if medical.sure else "verdict_probably_medical", _list("or", _candidates(verdict), texts))


def why(verdict: Verdict, panels: Sequence[Panel] = (), texts: Texts = TEXTS) -> str:
    """One sentence: what makes the verdict sure, or keeps it from being sure."""
    if verdict.corrected:
        said = answer_of(verdict.probabilities)
        return _text(texts, "why_confirmed") if said == verdict.modality else _text(texts, "why_corrected", _in_text(texts, said))
    if any(panel.verdict.probabilities == verdict.probabilities for panel in panels):
        return _text(texts, "why_figure" if verdict.sure else "why_figure_unsure")
    if verdict.context and verdict.context.agrees == verdict.sure:
        return _why_context(verdict, verdict.context, texts)
    if verdict.sure:
        return _text(texts, "why_sure_alone" if len(verdict.members) < 2 else "why_sure" if verdict.agree else "why_sure_though")
    return _why_unsure(verdict, texts)


def _why_context(verdict: Verdict, context: Context, texts: Texts) -> str:
    """Where context makes a verdict sure, or keeps it from being sure."""
    if not verdict.sure:
        return _text(texts, "why_words_differ", _in_text(texts, context.modality))
    return _text(texts, "why_words_agree" if answer_of(verdict.probabilities) == verdict.modality else "why_settled")


def _why_unsure(verdict: Verdict, texts: Texts) -> str:
    if not verdict.agree:
        return _text(
            texts,
            "why_disagree",
            _join("list_more", [_opinion(*said, texts) for said in verdict.members.items() if _clear(said[1])], texts),
        )
    if verdict.confidence >= BEYOND_THRESHOLDS:
        return _text(texts, "why_unlike", _in_text(texts, verdict.modality))
    if not verdict.medical.sure:
        return _text(texts, "why_medical", percent(verdict.medical.probability))
    if verdict.open:
        return _text(texts, "why_close", _list("and", _candidates(verdict), texts))
    return _text(texts, "why_below", _in_text(texts, verdict.modality))


def shows_percent(verdict: Verdict) -> bool:
    """Whether a percentage may stand beside the headline: never beside an abstention, a figure's list, or a person's label."""
    return verdict.sure and not verdict.corrected and len(verdict.contains) < 2


def _candidates(verdict: Verdict) -> list[Modality]:
    """The modality and the one left open, in the order of MODALITIES, so that neither seems preferred."""
    return [name for name in MODALITIES if name in (verdict.modality, verdict.open)]


def answer_of(probabilities: Probabilities) -> Modality:
    """What the models answer, by the rule of Verdict."""
    if probabilities[NON_MEDICAL] > 0.5:
        return NON_MEDICAL
    return max(MEDICAL, key=lambda name: probabilities[name])


def _clear(probabilities: Probabilities) -> bool:
    return max(probabilities.values()) >= FAVOURITE


def _opinion(member: str, probabilities: Probabilities, texts: Texts) -> str:
    return _text(texts, "why_member", MEMBER_NAMES.get(member, member), _in_text(texts, likeliest(probabilities)))


def _list(word: str, names: Iterable[Modality], texts: Texts) -> str:
    *first, last = [_in_text(texts, name) for name in names]
    return _text(texts, f"list_{word}", _join("list_more", first, texts), last)


def _join(key: str, pieces: Sequence[str], texts: Texts) -> str:
    joined, *rest = pieces
    for piece in rest:
        joined = _text(texts, key, joined, piece)
    return joined


def _in_text(texts: Texts, modality: Modality) -> str:
    return texts[f"in_text_{modality}"]


def _text(texts: Texts, key: str, *values: str) -> str:
    return texts[key].format(*values)

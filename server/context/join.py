"""Joins an image's own verdict with the evidence of its context.

Context may decide what the image leaves open, and may make a sure verdict uncertain, but it never reverses a sure verdict. If the
two disagree, the verdict keeps the modality of the image, and its `context` has that of the text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from server.context.evidence import Evidence
from server.contract.modalities import MEDICAL, NON_MEDICAL, Modality
from server.contract.verdict import RIVAL, Context, Medical, Verdict

# Probability, by image and text together, at which a question that the image left open is settled: about what the image alone needs
# to be sure. "Medical or not" and "which modality" are two questions, and each must reach it by itself. Their product is not used:
# a nearly certain modality would fail because "medical", although sure by its own threshold, is less probable.
SETTLED = 0.97
# Probability below which a sure verdict becomes uncertain if sure evidence contradicts it.
UNSETTLED = 0.95
# Probabilities are kept this far from 0 and 1, which no evidence could change; the models are never more certain than this.
LEAST = 1e-4


def join(verdict: Verdict, evidence: Evidence | None) -> Verdict:
    """`verdict` joined with `evidence`; unchanged if there is none, if it does not apply, or if a person corrected the verdict."""
    if evidence is None or verdict.corrected or _beside_the_point(verdict, evidence):
        return verdict
    medical = _medical(verdict, evidence)
    shares = _shares(verdict, evidence)
    joined = replace(verdict, is_medical=medical.probability >= 0.5, medical=medical)
    if not joined.is_medical:
        sure = verdict.sure and medical.sure
        answer = replace(joined, modality=NON_MEDICAL, confidence=1 - medical.probability, sure=sure, contains=())
    else:
        answer = _with_modality(joined, verdict, evidence, shares)
    context = Context(evidence.modality, evidence.sure, evidence.quote, evidence.source, answer.modality == evidence.modality)
    return replace(answer, open_with_context=_open(answer, medical, shares), context=context)


def _beside_the_point(verdict: Verdict, evidence: Evidence) -> bool:
    """Whether the evidence does not apply: to a chart in a section whose heading names CT, or to a figure of several modalities."""
    return (not evidence.own and not verdict.is_medical) or len(verdict.contains) > 1


def _medical(verdict: Verdict, evidence: Evidence) -> Medical:
    """Whether the image is medical: its own probability, adjusted by its own texts. A sure "not medical" is not reversed."""
    own = min(max(verdict.medical.probability, LEAST), 1 - LEAST)
    probability = 1 / (1 + math.exp(-(math.log(own / (1 - own)) + evidence.medical)))
    if verdict.medical.sure and not verdict.is_medical:
        probability = min(probability, math.nextafter(0.5, 0))
        return Medical(probability, not evidence.sure or 1 - probability >= UNSETTLED)
    settled = evidence.own and evidence.sure and probability >= SETTLED
    return Medical(probability, verdict.medical.sure or settled)


def _shares(verdict: Verdict, evidence: Evidence) -> dict[Modality, float]:
    """Probability of each medical modality among the medical ones, by image and text together."""
    weights = {name: max(verdict.probabilities[name], LEAST) * math.exp(evidence.odds[name]) for name in MEDICAL}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def _with_modality(joined: Verdict, verdict: Verdict, evidence: Evidence, shares: Mapping[Modality, float]) -> Verdict:
    modality = verdict.modality if verdict.sure else max(MEDICAL, key=lambda name: shares[name])
    confidence = joined.medical.probability * shares[modality]
    if verdict.sure:
        contradicted = evidence.sure and evidence.modality != modality
        sure = not contradicted or confidence >= UNSETTLED
    else:
        sure = joined.medical.sure and shares[modality] >= SETTLED
    return replace(joined, modality=modality, confidence=confidence, sure=sure, contains=(modality,))


def _open(answer: Verdict, medical: Medical, shares: Mapping[Modality, float]) -> Modality | None:
    """The second candidate of an uncertain verdict, if it is probable enough to show."""
    if answer.sure:
        return None
    chances = {name: medical.probability * share for name, share in shares.items()}
    if not medical.sure:
        chances[NON_MEDICAL] = 1 - medical.probability
    second = max((name for name in chances if name != answer.modality), key=lambda name: chances[name])
    return second if chances[second] >= RIVAL else None

"""Opinions into Verdicts: medical or not, the modality, how sure of both, whether the members agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from server.contract.records import MODALITIES, NON_MEDICAL, Medical, Modality, Probabilities, Verdict
from server.models.calibration import Floats, answers
from server.models.ensemble import Prediction

# A member that gives its favourite less than this has no prediction that could contradict the others.
MEMBER_SURE = 0.6


def decide(prediction: Prediction, model_version: str) -> list[Verdict]:
    """One Verdict a row of `prediction`, in its order."""
    return [_verdict(prediction, row, int(answer), model_version) for row, answer in enumerate(answers(prediction.chances))]


def most_surely_medical(verdicts: Sequence[Verdict]) -> Verdict | None:
    """Of the verdicts that are medical the one least likely to be non-medical, sure ones first; None when none is medical."""
    medical = [verdict for verdict in verdicts if verdict.is_medical]
    return min(medical, key=lambda verdict: (verdict.uncertain, verdict.probabilities[NON_MEDICAL]), default=None)


def _verdict(prediction: Prediction, row: int, answer: int, model_version: str) -> Verdict:
    chances = _named(prediction.chances[row])
    members = {name: _named(rows[row]) for name, rows in prediction.members.items()}
    modality = MODALITIES[answer]
    medical = Medical(1 - chances[NON_MEDICAL], bool(prediction.medical_sure[row]))
    sure = bool(prediction.sure[row])
    return Verdict(
        modality=modality,
        is_medical=modality != NON_MEDICAL,
        confidence=chances[modality],
        probabilities=chances,
        medical=medical,
        sure=sure,
        contains=() if modality == NON_MEDICAL else (modality,),
        agree=_agree(members.values()),
        members=members,
        model_version=model_version,
    )


def _agree(members: Iterable[Probabilities]) -> bool:
    favourites = {_likeliest(chances) for chances in members if max(chances.values()) >= MEMBER_SURE}
    return len(favourites) <= 1


def _likeliest(chances: Probabilities) -> Modality:
    return max(MODALITIES, key=lambda modality: chances[modality])


def _named(row: Floats) -> dict[Modality, float]:
    """Six floats that sum to 1 exactly enough for JSON: single precision is widened first, then divided by its sum."""
    wide = [float(value) for value in row]
    total = sum(wide)
    return {modality: value / total for modality, value in zip(MODALITIES, wide, strict=True)}

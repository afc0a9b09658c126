"""Makes Verdicts from a Prediction: medical or not, the modality, whether each is sure, whether the members agree."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import zip_longest

from server.contract.modalities import MEDICAL, MODALITIES, NON_MEDICAL, Modality
from server.contract.verdict import FAVOURITE, Medical, Probabilities, Verdict, likeliest
from server.models.calibration import HALF, Floats, answers
from server.models.ensemble import Prediction
from server.models.parts import Figure, union

# How much more the surely medical panels count than the others for a figure's modality: P(medical) to this power, as for cells.
PANEL_STRENGTH = 4
# P(medical) of a figure from which a panel that is sure makes the figure so. Of 345 composed figures of origins never trained on, a
# panel alone was sure and wrong once in 73, where their parts say this too never in 60.
BACKED = 0.95


def decide(prediction: Prediction, model_version: str, figures: Sequence[Figure | None] = ()) -> list[Verdict]:
    """One Verdict for each row of `prediction`, in order. `contains` of a figure with several medical parts includes theirs."""
    verdicts = [_verdict(prediction, row, int(answer), model_version) for row, answer in enumerate(answers(prediction.chances))]
    return [
        replace(verdict, contains=union([read.contains, verdict.contains]))
        if read and len(read.regions) > 1 and verdict.is_medical
        else verdict
        for verdict, read in zip_longest(verdicts, figures)
    ]


def most_surely_medical(verdicts: Sequence[Verdict]) -> Verdict | None:
    """The medical verdict with the highest P(medical), sure ones first; None when none is medical."""
    medical = [verdict for verdict in verdicts if verdict.is_medical]
    return max(medical, key=lambda verdict: (verdict.medical.sure, verdict.sure, verdict.medical.probability), default=None)


def most_medical(verdicts: Sequence[Verdict]) -> int:
    """The index of the frame that decides for an animation: the most surely medical one, or else the one with the highest
    P(medical)."""
    best = most_surely_medical(verdicts) or max(verdicts, key=lambda verdict: verdict.medical.probability)
    return next(place for place, verdict in enumerate(verdicts) if verdict is best)


def figure(panels: Sequence[Verdict], whole: Verdict) -> Verdict:
    """A figure's verdict: that of its most surely medical panel, with every sure modality of its panels in `contains`.

    `whole` is the verdict for the undivided image. A surely medical panel makes the figure medical, whatever `whole` is. An unsure
    one does not overrule a sure `whole`, nor does a panel with an uncertain modality overrule a `whole` with a sure one.
    """
    best = most_surely_medical(panels)
    if best is None or (whole.medical.sure and not best.medical.sure) or (whole.is_medical and whole.sure and best.uncertain):
        return whole
    held = {best.modality, *(panel.modality for panel in panels if panel.is_medical and panel.sure)}
    return replace(best, contains=tuple(name for name in MODALITIES if name in held))


def named_by_panels(panels: Sequence[Verdict], whole: Verdict) -> Verdict:
    """The verdict for a medical figure that was read in parts, with its modality named by its panels too.

    Each panel was judged at its own size, `whole` from cells of a smaller copy. A sure `whole` stays; else a sure panel decides
    where `whole` is BACKED; else both are multiplied. The figure contains what both find, its own modality, and what a panel is
    sure of.
    """
    medical = [panel for panel in panels if panel.is_medical]
    best = most_surely_medical(medical)
    if best is None:
        return whole
    backed = whole.medical.probability >= BACKED
    named = whole if whole.sure else best if best.sure and backed else _together(medical, whole, backed and best.medical.sure)
    likely = {panel.modality for panel in medical if panel.confidence >= HALF}
    sure = {panel.modality for panel in medical if panel.sure}
    return replace(named, contains=union([(named.modality,), tuple(sure), tuple(likely & set(whole.contains))]))


def _together(medical: Sequence[Verdict], whole: Verdict, medical_sure: bool) -> Verdict:
    """`whole` with the modality that the `medical` panels and its own parts name alike; `medical_sure` by a panel."""
    weights = [panel.medical.probability**PANEL_STRENGTH for panel in medical]
    by_panels = {name: sum(w * panel.probabilities[name] for w, panel in zip(weights, medical, strict=True)) for name in MEDICAL}
    both = {name: math.sqrt(by_panels[name] * whole.probabilities[name]) for name in MEDICAL}
    chances = {name: whole.medical.probability * value / sum(both.values()) for name, value in both.items()}
    modality = max(MEDICAL, key=lambda name: chances[name])
    return replace(
        whole,
        modality=modality,
        confidence=chances[modality],
        probabilities=chances | {NON_MEDICAL: 1 - whole.medical.probability},
        medical=replace(whole.medical, sure=whole.medical.sure or medical_sure),
    )


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
    favourites = {likeliest(chances) for chances in members if max(chances.values()) >= FAVOURITE}
    return len(favourites) <= 1


def _named(row: Floats) -> dict[Modality, float]:
    """Six double-precision floats that sum to 1."""
    wide = [float(value) for value in row]
    total = sum(wide)
    return {modality: value / total for modality, value in zip(MODALITIES, wide, strict=True)}

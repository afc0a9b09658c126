"""The verdict on an image: its modality, how sure it is, and what the page or document says about it. Frozen records.

Probabilities are floats in 0..1 in the order of `MODALITIES` and sum to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from server.contract.modalities import MODALITIES, NON_MEDICAL, Modality

# A second candidate below this is not shown beside an uncertain first one: of 96 % and 2 %, "CT or MRI?" is no question.
RIVAL = 0.1
# A member that gives its favourite less than this has no clear favourite, and so does not contradict the others.
FAVOURITE = 0.6

Probabilities: TypeAlias = Mapping[Modality, float]


def likeliest(probabilities: Probabilities) -> Modality:
    """The modality with the highest probability; of equal ones the first in the order of MODALITIES."""
    return max(MODALITIES, key=lambda name: probabilities[name])


# Where the words that decide a context stand; a paragraph next to an image counts as its caption.
ContextSource: TypeAlias = Literal["caption", "alt", "heading", "link", "file_name", "title", "dicom_tag"]


@dataclass(frozen=True, slots=True)
class Context:
    """What the page or document says of an image: a modality, `sure` if clearly said, the words (`quote`) and where they stand.

    `agrees`: the answer shown names the same modality.
    """

    modality: Modality
    sure: bool
    quote: str
    source: ContextSource
    agrees: bool


@dataclass(frozen=True, slots=True)
class Medical:
    """Whether an image is medical at all: the calibrated probability that it is, and whether that answer is sure."""

    probability: float
    sure: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one image, or on one of its panels.

    `is_medical` follows `medical.probability`; `modality` is then the likeliest of the medical ones, else `non_medical`.
    `probabilities` are calibrated, `confidence` is the modality's. `sure`: the modality is sure, which it cannot be unless
    `medical.sure`. `contains`: the modalities of a figure's medical panels; one for a single medical image, none otherwise.
    `members`: the prediction of each ensemble member alone. `agree`: all members with a clear favourite name the same modality.
    `context`: what the page or document says, joined into this verdict for one scan; None in the verdict of the bytes
    alone. `probabilities` and `members` are those of the bytes alone in both. `open_with_context`: then `open`.
    """

    modality: Modality
    is_medical: bool
    confidence: float
    probabilities: Probabilities
    medical: Medical
    sure: bool
    agree: bool
    members: Mapping[str, Probabilities]
    model_version: str
    contains: tuple[Modality, ...] = ()
    context: Context | None = None
    open_with_context: Modality | None = None
    cached: bool = False
    corrected: bool = False

    @property
    def uncertain(self) -> bool:
        """The modality is not sure."""
        return not self.sure

    @property
    def open(self) -> Modality | None:
        """The second candidate beside an unsure modality; None where its share is below RIVAL or a sure "medical" rules it out."""
        if self.sure:
            return None
        if self.context is not None:
            return self.open_with_context
        out = {self.modality, NON_MEDICAL} if self.medical.sure else {self.modality}
        second = max((name for name in MODALITIES if name not in out), key=lambda name: self.probabilities[name])
        return second if self.probabilities[second] >= RIVAL else None

"""Turns the context of an image into evidence for each medical modality: bounded log-odds, and the words that decide.

Each text is weighted by how reliably texts of its source describe the image (RELIABLE), so no text is certain, and all texts
together count for at most MAX_EVIDENCE. This bound does not apply to the DICOM tag: it was written by the device that made the
pixels, and only its own reliability limits it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from server.context.text_model import Reading, read
from server.context.words import file_words
from server.contract.modalities import MEDICAL, Modality
from server.contract.records import NearbyText, Place, PlaceKind, TextSource
from server.contract.verdict import ContextSource

# How often a text from this source, if it names a modality, names that of the image; estimated from general knowledge. Captions and
# alternative texts describe the image, a heading its section, a title the whole page, and a paragraph may be about something else.
RELIABLE: Mapping[TextSource, float] = {
    "dicom_tag": 0.99,
    "caption": 0.95,
    "alt": 0.95,
    "file_name": 0.9,
    "link": 0.85,
    "paragraph": 0.75,
    "heading": 0.65,
    "title": 0.5,
}
# Sources whose texts describe this image only. A paragraph, a heading and a title also apply to charts and portraits around it.
OF_THE_IMAGE: frozenset[TextSource] = frozenset(("dicom_tag", "caption", "alt", "file_name", "link"))
# If several texts clearly name the same modality, the first in this order is quoted: a caption convinces people more than a file's
# name. A text is clear if it reaches this share of the most that a text from its source can contribute.
QUOTED: tuple[TextSource, ...] = ("dicom_tag", "caption", "alt", "paragraph", "link", "heading", "file_name", "title")
CLEAR = 0.8
# Log-odds by which all texts together may favour one modality over another: 60 to 1, even if a page repeats a word a thousand
# times. A sure verdict is never reversed (join.py).
MAX_EVIDENCE = math.log(60)
# Log-odds that the image's own texts may add to "medical": 4 to 1. A cat with the caption "MRI of the brain" remains a cat.
MAX_MEDICAL = math.log(4)
# The same for the DICOM tag: a file with the tag of a medical device rarely contains anything but a medical image. The verdict on a
# photograph in such a file is a sure "not medical", which no evidence reverses.
MAX_MEDICAL_TAG = math.log(60)
# Log-odds of the first modality against the second that a context needs to be shown, and to be sure.
SHOWN, SURE = math.log(4), math.log(12)
# Probability that one modality must have, given that the text names one; below it, the text names several and is ignored.
ONE_MODALITY = 0.8
# Places of one image whose texts are read. A logo may have hundreds of places, all with the same texts.
MAX_PLACES = 20
# Images in a document have the document's address, so its file name counts as a title. Images that are files have no page title.
INSIDE_A_DOCUMENT: frozenset[PlaceKind] = frozenset(("embedded",))
ALONE: frozenset[PlaceKind] = frozenset(("file", "frame", "page"))

# DICOM's Modality (PS3.3 C.7.3.1.1.1) mapped to ours; values that do not describe the image (SC, OT, SR, PR, DOC, SEG) are left
# out.
DICOM: Mapping[str, Modality] = {
    **dict.fromkeys(("CR", "DX", "MG", "RF", "XA", "IO", "PX", "RG", "DR"), "xray"),
    **dict.fromkeys(("CT",), "ct"),
    **dict.fromkeys(("MR", "MRS"), "mri"),
    **dict.fromkeys(("US", "IVUS", "BDUS"), "ultrasound"),
    **dict.fromkeys(("PT", "NM", "ES", "SM", "GM", "OP", "OPT", "OPM", "OAM", "OCT", "IVOCT", "DMS", "XC", "TG"), "other_medical"),
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """`odds`: log-odds of each medical modality, 0 for the favourite, negative for others. `medical`: log-odds of being medical.

    `modality`: the favourite. `sure`: its log-odds reach SURE. `quote`: the words that name it, from a text of `source`. `own`: a
    text of the image itself names it (OF_THE_IMAGE), not only one of the page around it.
    """

    odds: Mapping[Modality, float]
    medical: float
    modality: Modality
    sure: bool
    quote: str
    source: ContextSource
    own: bool


@dataclass(frozen=True, slots=True)
class _TextEvidence:
    source: TextSource
    odds: Mapping[Modality, float]
    tells: float
    quote: str


def evidence_of(places: Sequence[Place], title: str | None = None) -> Evidence | None:
    """The evidence from an image's places and its page's title; None when there is none, or when places contradict each other."""
    found = [evidence for place in places[:MAX_PLACES] if (evidence := _of_place(place, title)) is not None]
    if not found or len({evidence.modality for evidence in found}) > 1:
        return None
    return max(found, key=lambda evidence: (-_second(evidence.odds), evidence.medical))


def _of_place(place: Place, title: str | None) -> Evidence | None:
    said = [one for text in texts_of(place, title) if (one := _evidence_of_text(text)) is not None]
    tagged = [one for one in said if one.source == "dicom_tag"]
    said = tagged or said
    if not said:
        return None
    sums = {name: sum(one.odds[name] for one in said) for name in MEDICAL}
    most = max(sums.values())
    bound = math.inf if tagged else MAX_EVIDENCE
    odds = {name: max(value - most, -bound) for name, value in sums.items()}
    modality = max(MEDICAL, key=lambda name: odds[name])
    if -_second(odds) < SHOWN:
        return None
    saying = [one for one in said if max(MEDICAL, key=lambda name: one.odds[name]) == modality]
    clear = [one for one in saying if one.tells >= CLEAR * RELIABLE[one.source]]
    best = min(clear, key=lambda one: QUOTED.index(one.source)) if clear else max(saying, key=lambda one: one.tells)
    own = [one.tells for one in saying if one.source in OF_THE_IMAGE]
    return Evidence(
        odds=odds,
        medical=(MAX_MEDICAL_TAG if tagged else MAX_MEDICAL) * max(own, default=0.0),
        modality=modality,
        sure=-_second(odds) >= SURE,
        quote=best.quote,
        source="caption" if best.source == "paragraph" else best.source,
        own=bool(own),
    )


def texts_of(place: Place, title: str | None) -> Iterator[NearbyText]:
    """All texts of an image in one place, including the file's name and the DICOM tag."""
    yield from place.texts
    if place.alt:
        yield NearbyText("alt", place.alt)
    if place.tag:
        yield NearbyText("dicom_tag", place.tag)
    if name := file_name(place.url):
        yield NearbyText("title" if place.kind in INSIDE_A_DOCUMENT else "file_name", file_words(name))
    if title and place.kind not in ALONE:
        yield NearbyText("title", title)


def file_name(url: str | None) -> str | None:
    """The last part of an address or a path; None for `data:` and other addresses that name no file."""
    if not url or url.startswith(("data:", "blob:")):
        return None
    path = unquote(urlsplit(url).path) if "://" in url else url
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2] or None


def _evidence_of_text(text: NearbyText) -> _TextEvidence | None:
    """The log-odds from one text; None when it names no modality, or several."""
    if text.source == "dicom_tag":
        modality = DICOM.get(text.text.strip().upper())
        says = Reading({name: float(name == modality) for name in MEDICAL}, 1.0, {modality: text.text}) if modality else None
    else:
        says = read(text.text, file_name=text.source == "file_name")
    if says is None or max(says.says.values()) < ONE_MODALITY:
        return None
    favourite = max(MEDICAL, key=lambda name: says.says[name])
    tells = RELIABLE[text.source] * says.tells
    odds = {name: math.log(len(MEDICAL) * (tells * says.says[name] + (1 - tells) / len(MEDICAL))) for name in MEDICAL}
    return _TextEvidence(text.source, odds, tells, says.quotes.get(favourite, text.text))


def forget_texts() -> None:
    """Empty the cache of texts that were read, which serves images with the same texts."""
    read.cache_clear()


def _second(odds: Mapping[Modality, float]) -> float:
    return sorted(odds.values())[-2]

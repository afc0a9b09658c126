"""All that stands with an image, as evidence for each medical modality: bounded log-odds, and the words that decide.

A text tells the image's modality only as far as its source can be trusted to speak of the image (RELIABLE), so no text is certain,
and several of them together are held to MAX_EVIDENCE. DICOM's tag is no text: the device that made the pixels wrote it, so it is
held by its own reliability alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from server.context.text_model import MEDICAL, Reading, read
from server.context.words import file_words
from server.contract.modalities import Modality
from server.contract.records import NearbyText, Place, PlaceKind, TextSource
from server.contract.verdict import ContextSource

# How often a text of this kind that names a modality names that of the image, from general knowledge: captions and alternative
# texts describe the image, a heading its section, a title the whole page, and a paragraph may speak of something beside it.
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
# Texts that are of this image; a paragraph, a heading and a title are also of the charts and portraits around it.
OF_THE_IMAGE: frozenset[TextSource] = frozenset(("dicom_tag", "caption", "alt", "file_name", "link"))
# Which of several texts that clearly say the same is quoted: people believe a caption before a file's name. Clear is this share of
# what a text of its kind can tell.
QUOTED: tuple[TextSource, ...] = ("dicom_tag", "caption", "alt", "paragraph", "link", "heading", "file_name", "title")
CLEAR = 0.8
# Log-odds by which all texts together may favour one modality over another: 60 to 1. A page that repeats a word a thousand times
# reaches this and no more, and no image of which the model is sure is turned round by it (join.py).
MAX_EVIDENCE = math.log(60)
# Log-odds that texts of the image may add to its being medical at all: 4 to 1. A cat under "MRI of the brain" stays a cat.
MAX_MEDICAL = math.log(4)
# The same of DICOM's tag: a file with a scanner's tag seldom holds anything but a scan. A photograph packed into one is surely not
# medical by its pixels, and no evidence turns that round.
MAX_MEDICAL_TAG = math.log(60)
# Odds of the first modality to the second from which a context is shown, and from which it is sure.
SHOWN, SURE = math.log(4), math.log(12)
# Share of what a text says that must go to one modality; below, it speaks of several and counts for nothing.
ONE_MODALITY = 0.8
# Places of one image that are read. A logo may stand in hundreds, and says the same in each.
MAX_PLACES = 20
# Images of a PDF stand at the document's address, whose name speaks of the whole; an image that is a file has no page with a title.
INSIDE_A_DOCUMENT: frozenset[PlaceKind] = frozenset(("embedded",))
ALONE: frozenset[PlaceKind] = frozenset(("file", "frame", "page"))

# DICOM's Modality (PS3.3 C.7.3.1.1.1) as ours; what says nothing of the image (SC, OT, SR, PR, DOC, SEG) is left out.
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

    `modality` is the favourite, `sure` if clearly said, `quote` the words that say so and `source` where they stand. `own`: a text
    of the image itself says so, not only one of the page around it.
    """

    odds: Mapping[Modality, float]
    medical: float
    modality: Modality
    sure: bool
    quote: str
    source: ContextSource
    own: bool


@dataclass(frozen=True, slots=True)
class _Said:
    source: TextSource
    odds: Mapping[Modality, float]
    tells: float
    quote: str


def evidence_of(places: Sequence[Place], title: str | None = None) -> Evidence | None:
    """What an image's places say together with its page's title; None when they say nothing, or different things."""
    found = [evidence for place in places[:MAX_PLACES] if (evidence := _of_place(place, title)) is not None]
    if not found or len({evidence.modality for evidence in found}) > 1:
        return None
    return max(found, key=lambda evidence: (-_second(evidence.odds), evidence.medical))


def _of_place(place: Place, title: str | None) -> Evidence | None:
    said = [one for text in texts_of(place, title) if (one := _said(text)) is not None]
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
    """Every text that stands with an image in one place, the file's name and DICOM's tag included."""
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


def _said(text: NearbyText) -> _Said | None:
    """What one text says; None when it names no modality, or several."""
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
    return _Said(text.source, odds, tells, says.quotes.get(favourite, text.text))


def forget_texts() -> None:
    """Let go of the texts whose reading is kept for the images that share them."""
    read.cache_clear()


def _second(odds: Mapping[Modality, float]) -> float:
    return sorted(odds.values())[-2]

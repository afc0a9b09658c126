"""What several pages show of an image or a scan, prepared for the templates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from server.contract.modalities import Modality
from server.contract.records import JudgedImage
from server.contract.verdict import Verdict
from server.contract.words import headline, shows_percent
from server.store.history import MOST_EARLIER, Entry
from server.web.files.names import name_of
from server.web.templating import context_text
from server.web.texts.catalogue import current, texts


def link(address: str | None) -> str | None:
    """`address` if it may become a link: only http and https, since a document can contain any scheme."""
    try:
        return address if address and urlsplit(address).scheme in {"http", "https"} else None
    except ValueError:
        return None


def from_where(host: str | None, name: str, target: str, kind: str) -> str:
    """The host of an address; for a file that is shown by its title (of a PDF, a DICOM tag), its file name."""
    return host or ("" if kind == "folder" or name == target else PurePath(target).name)


def shares_of(verdict: Verdict) -> Mapping[Modality, float]:
    """The shares in the bar of a verdict: the probabilities, or only a person's label. static/verdict.js draws the same."""
    return {verdict.modality: 1.0} if verdict.corrected else verdict.probabilities


def verdict_view(verdict: Verdict) -> dict[str, Any]:
    """A verdict for cards, panels and headings; `percent` is None if none is shown beside the headline."""
    return {
        "headline": headline(verdict, current().words),
        "percent": verdict.confidence if shows_percent(verdict) else None,
        "shares": shares_of(verdict),
        "dots": verdict.contains or (verdict.modality,),
        "sure": verdict.sure,
    }


def contradicted(verdict: Verdict) -> bool:
    """Whether the page or document names another modality than the verdict."""
    return verdict.context is not None and not verdict.context.agrees


def image_view(judged: JudgedImage, copies: int = 0, *, thumbnail: bool = True) -> dict[str, Any]:
    image = judged.image
    return {
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "bytes": image.size,
        "alt": next((place.alt for place in image.places if place.alt), ""),
        "places": image.places,
        "copies": copies,
        "item": None,
        "thumbnail": thumbnail,
        "verdict": judged.verdict,
        "words": verdict_view(judged.verdict),
        "contradicted": contradicted(judged.verdict),
        "context_text": context_text(judged.verdict.context) if judged.verdict.context else "",
    }


def row_view(entry: Entry) -> dict[str, Any]:
    """A row of the history, for `row` in parts.html."""
    name = name_of(entry.title, entry.target)
    return {
        "id": entry.id,
        "name": name,
        "kind": entry.kind,
        "host": from_where(entry.host, name, entry.target, entry.kind),
        "url": entry.url,
        "earlier": entry.earlier,
        "earlier_says": earlier_says(entry.earlier),
        "status": entry.status,
        "created_at": entry.created_at,
        "unique": entry.unique,
        "uncertain": entry.uncertain,
        "by_modality": entry.by_modality,
        "previews": entry.previews,
        "why": entry.error_message if entry.status in {"failed", "partial"} else None,
        "says": says(entry.status, entry.found, entry.unique, entry.medical, entry.uncertain),
    }


def queue_view(entry: Entry) -> dict[str, Any]:
    """A line of the queue, for `job` in job.html."""
    return row_view(entry) | {"link": link(entry.url), "error": entry.error_message}


def earlier_says(number: int) -> str:
    """How many earlier scans of its address there are, for example "3 earlier scans"."""
    counted = str(number) if number < MOST_EARLIER else f"{MOST_EARLIER - 1}+"
    words: str = texts().earlier_one if number == 1 else texts().earlier_many
    return words.format(n=counted)


def says(status: str, found: int, unique: int, medical: int, uncertain: int = 0) -> str:
    """The result of a scan so far, in a few words."""
    if not unique and status == "queued":
        return current().scripts["found_waiting"]
    words: str = texts().found_medical if unique else texts().found_so_far if status == "running" else texts().found_none
    counted = words.format(m=medical, n=unique or found)
    return f"{counted}, {texts().found_unsure.format(n=uncertain)}" if uncertain else counted

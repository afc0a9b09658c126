"""What the service answers, as frozen dataclasses: the fields of its OpenAPI description that callers work with.

`read(Report, json)` takes the fields that the class names and leaves out all others, so that a newer service still fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

Status = Literal["queued", "running", "done", "partial", "failed", "cancelled"]
FINISHED: tuple[Status, ...] = ("done", "partial", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Medical:
    """Whether the image is medical at all: the calibrated probability, and whether the answer (yes or no) is sure."""

    probability: float
    sure: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """`open` is the second candidate of an uncertain verdict; `contains` the modalities of a figure's medical panels."""

    modality: str
    is_medical: bool
    confidence: float
    probabilities: dict[str, float]
    medical: Medical
    sure: bool
    uncertain: bool
    open: str | None
    contains: list[str]
    agree: bool
    members: dict[str, dict[str, float]]
    cached: bool
    corrected: bool
    model_version: str


@dataclass(frozen=True, slots=True)
class Place:
    """One occurrence of an image: its address or the page of the document, and its alternative text."""

    url: str | None
    page: int | None
    kind: str
    alt: str | None


@dataclass(frozen=True, slots=True)
class Panel:
    """One part of a figure; `box` is (x, y, width, height) in pixels of the image."""

    box: list[int]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Image:
    sha256: str
    width: int
    height: int
    format: str
    bytes: int
    near_duplicate_of: str | None
    places: list[Place]
    verdict: Verdict
    panels: list[Panel]


@dataclass(frozen=True, slots=True)
class Source:
    target: str
    kind: str
    title: str | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What could not be read, as a stable code and in words."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Counts:
    found: int
    unique: int
    medical: int
    uncertain: int
    cached: int
    skipped: dict[str, int]
    by_modality: dict[str, int]


@dataclass(frozen=True, slots=True)
class Report:
    id: str
    source: Source
    status: Status
    error: Trouble | None
    notices: list[Trouble]
    model_version: str | None
    created_at: str
    finished_at: str | None
    counts: Counts
    images: list[Image]

    @property
    def medical(self) -> list[Image]:
        """The medical images, near duplicates left out."""
        return [image for image in self.images if image.verdict.is_medical and not image.near_duplicate_of]


T = TypeVar("T")


def read(kind: type[T], value: Mapping[str, Any]) -> T:
    """The record of this class that the JSON object describes. Raises KeyError for a field that is missing."""
    hints = get_type_hints(kind)
    return kind(**{field.name: _value(hints[field.name], value[field.name]) for field in fields(kind)})  # type: ignore[arg-type]


def _value(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if is_dataclass(hint):
        return read(hint, value)  # type: ignore[arg-type]
    if get_origin(hint) is list:
        (inner,) = get_args(hint)
        return [_value(inner, one) for one in value]
    if get_origin(hint) is UnionType:
        (inner,) = (one for one in get_args(hint) if one is not type(None))
        return _value(inner, value)
    return value

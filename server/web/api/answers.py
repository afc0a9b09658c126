"""What the routes answer, as pydantic models: openapi.json shows them, and the tests hold every answer against them.

The answers themselves are written by server/contract/report.py and beside the handlers; nothing is validated on the way out.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from server.contract.modalities import Modality
from server.contract.records import Box, ContextSource, SkipReason, SourceKind, Status

SHA256 = r"^[0-9a-f]{64}$"

Digest: TypeAlias = Annotated[str, Field(pattern=SHA256, description="SHA-256 of the image's encoded bytes, hex")]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]


class Told(BaseModel):
    """Base of the answers' shapes."""

    model_config = ConfigDict(extra="forbid")


class ScanAccepted(Told):
    id: UUID
    report: str = Field(description="where the Report is")
    events: str = Field(description="where the events are")


class ScansForgotten(Told):
    count: int
    undo: datetime | None = Field(description="brings them back, for `undo_seconds`; null when there was nothing to forget")
    undo_seconds: int


class ScansRestored(Told):
    count: int


class SourceShape(Told):
    target: str
    kind: SourceKind
    title: str | None


class ErrorShape(Told):
    code: str
    message: str


class Counts(Told):
    found: int
    unique: int
    medical: int
    uncertain: int
    cached: int
    skipped: dict[SkipReason, int]
    by_modality: dict[Modality, int]


class PlaceShape(Told):
    url: str | None
    page: int | None
    kind: str
    alt: str | None
    box: Box | None
    tag: str | None = Field(None, description="DICOM's own Modality")


class MedicalShape(Told):
    probability: Share = Field(description="that the image is medical at all, calibrated")
    sure: bool = Field(description="whether the answer to that question, yes or no, is sure")


class ContextShape(Told):
    """What the page or document says of an image."""

    modality: Modality
    sure: bool
    quote: str
    from_: ContextSource = Field(alias="from", description="where the words stand")
    agrees: bool = Field(description="the verdict names the same modality")


class VerdictShape(Told):
    modality: Modality
    is_medical: bool = Field(description="medical.probability is a half or more")
    confidence: Share = Field(description="of the modality; of a figure that of its most surely medical part")
    probabilities: dict[Modality, Share]
    medical: MedicalShape
    sure: bool = Field(description="whether the modality is sure, which it is only where `medical.sure`")
    uncertain: bool = Field(description="not `sure`")
    open: Modality | None = Field(description="of an uncertain answer the second candidate, where it is worth showing")
    contains: list[Modality] = Field(description="of a figure those of its medical parts; of one medical image its own; else none")
    agree: bool
    context: ContextShape | None = Field(None, description="null: nothing is said, or MEDLENS_CONTEXT=off")
    members: dict[str, dict[Modality, Share]]
    cached: bool
    corrected: bool = False
    model_version: str


class PanelShape(Told):
    box: Box
    verdict: VerdictShape


class ImageShape(Told):
    sha256: Digest
    width: int
    height: int
    format: str
    bytes: int
    near_duplicate_of: Digest | None
    places: list[PlaceShape]
    verdict: VerdictShape
    panels: list[PanelShape]


class ReportShape(Told):
    id: UUID
    source: SourceShape
    status: Status
    error: ErrorShape | None
    notices: list[ErrorShape] = Field(
        description="what was not read and why, in words; the first 100, then one that counts the rest"
    )
    model_version: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    timings_ms: dict[str, float]
    counts: Counts
    images: list[ImageShape]


class EntryCounts(Told):
    found: int
    unique: int
    medical: int
    uncertain: int
    disagreeing: int
    context_disagreeing: int = Field(description="images of which the page says another modality than the verdict")
    corrected: int
    cached: int
    by_modality: dict[Modality, int]


class ScanSummary(Told):
    """A Report without its images; `previews` names some of the medical ones, for thumbnails."""

    id: UUID
    source: SourceShape
    url: str | None
    status: Status
    error: ErrorShape | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    counts: EntryCounts
    previews: list[Digest]


class HistoryPage(Told):
    scans: list[ScanSummary]
    next: str | None = Field(description="cursor of the next page; null at the end")


class FigureShape(Told):
    scans: int
    found: int
    unique: int
    medical: int
    uncertain: int
    disagreeing: int
    corrected: int
    cached: int
    by_modality: dict[Modality, int]


class DayShape(FigureShape):
    day: date = Field(description="UTC")


class StageTimes(Told):
    p50: float
    p95: float


class CorrectionsShape(Told):
    images: int
    confirmed: int = Field(description="corrections that said what the model had said")
    confusion: dict[Modality, dict[Modality, int]] = Field(description="by the model's answer, then the person's")


class StatsShape(Told):
    total: FigureShape
    days: list[DayShape]
    by_status: dict[Status, int]
    confidence: list[int] = Field(description="unique images by confidence, a tenth each")
    stages_ms: dict[str, StageTimes]
    corrections: CorrectionsShape


class SeenIn(Told):
    scan: UUID
    target: str
    url: str | None
    title: str | None
    created_at: datetime
    places: list[PlaceShape]


class ImageDetails(Told):
    sha256: Digest
    width: int
    height: int
    format: str
    bytes: int
    verdict: VerdictShape | None
    panels: list[PanelShape]
    thumbnail: bool = Field(description="whether a small copy is kept")
    seen: list[SeenIn]


class CorrectionKept(Told):
    sha256: Digest
    modality: Modality
    verdict: VerdictShape


class Health(Told):
    status: Literal["ok"]
    name: Literal["medlens"] = Field(description="that it is this service, and no other, that answers at the address")
    version: str


class PartHealth(Told):
    ok: bool
    detail: str


class Readiness(Told):
    ready: bool
    parts: dict[str, PartHealth]

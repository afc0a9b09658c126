"""The shape of a Report as an answer, in pydantic models, and the parts that other answers (answers.py) share with it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from server.contract.modalities import Modality
from server.contract.records import Box, SkipReason, SourceKind, Status
from server.contract.verdict import ContextSource

SHA256 = r"^[0-9a-f]{64}$"

Digest: TypeAlias = Annotated[str, Field(pattern=SHA256, description="SHA-256 of the image's encoded bytes, hex")]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]


class Reply(BaseModel):
    """Base of the answers: no field beside those that are named."""

    model_config = ConfigDict(extra="forbid")


class SourceShape(Reply):
    target: str
    kind: SourceKind
    title: str | None


class ErrorShape(Reply):
    code: str
    message: str


class Counts(Reply):
    found: int
    unique: int
    medical: int
    uncertain: int
    cached: int
    skipped: dict[SkipReason, int]
    by_modality: dict[Modality, int]


class PlaceShape(Reply):
    url: str | None
    page: int | None
    kind: str
    alt: str | None
    box: Box | None
    tag: str | None = Field(None, description="DICOM's own Modality")


class MedicalShape(Reply):
    probability: Share = Field(description="calibrated probability that the image is medical")
    sure: bool = Field(description="whether medical or not is sure")


class ContextShape(Reply):
    """What the page or document says of an image."""

    modality: Modality
    sure: bool
    quote: str
    from_: ContextSource = Field(alias="from", description="where the text is")
    agrees: bool = Field(description="the verdict names the same modality")


class VerdictShape(Reply):
    modality: Modality
    is_medical: bool = Field(description="medical.probability is a half or more")
    confidence: Share = Field(description="of the modality; for a figure, of the panel that is most surely medical")
    probabilities: dict[Modality, Share]
    medical: MedicalShape
    sure: bool = Field(description="whether the modality is sure, which it is only where `medical.sure`")
    uncertain: bool = Field(description="not `sure`")
    open: Modality | None = Field(description="the second candidate of an uncertain verdict, if it is probable enough to show")
    contains: list[Modality] = Field(
        description="the modalities of a figure's medical panels; of a single medical image, its own; else empty"
    )
    agree: bool
    context: ContextShape | None = Field(None, description="null if no text names a modality, or with MEDLENS_CONTEXT=off")
    members: dict[str, dict[Modality, Share]]
    cached: bool
    corrected: bool = False
    model_version: str


class PanelShape(Reply):
    box: Box
    verdict: VerdictShape


class ImageShape(Reply):
    sha256: Digest
    width: int
    height: int
    format: str
    bytes: int
    near_duplicate_of: Digest | None
    places: list[PlaceShape]
    verdict: VerdictShape
    panels: list[PanelShape]


class ReportShape(Reply):
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

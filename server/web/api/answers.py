"""The shapes of answers, as pydantic models: openapi.json shows them, and tests validate every answer against them.

The answers are written by server/contract/report.py and the handlers; they are not validated when they are sent.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from server.contract.modalities import Modality
from server.contract.records import SourceKind, Status
from server.store.named_sets import SetKind
from server.web.api.report_shapes import (
    ContextShape,
    Digest,
    ErrorShape,
    ImageShape,
    PanelShape,
    PlaceShape,
    Reply,
    SourceShape,
    VerdictShape,
)


class ScanAccepted(Reply):
    id: UUID
    report: str = Field(description="where the Report is")
    events: str = Field(description="where the events are")


class FileKinds(Reply):
    kinds: list[SourceKind | None] = Field(description="of each file in the order of the request; null: not a file that is scanned")


class ScansForgotten(Reply):
    count: int
    undo: datetime | None = Field(description="restores them, for `undo_seconds`; null if nothing was deleted")
    undo_seconds: int


class ScansRestored(Reply):
    count: int


class EntryCounts(Reply):
    found: int
    unique: int
    medical: int
    uncertain: int
    disagreeing: int
    context_disagreeing: int = Field(description="images whose page names another modality than the verdict")
    corrected: int
    cached: int
    by_modality: dict[Modality, int]


class ScanSummary(Reply):
    """A Report without its images; `previews`: some of the medical ones, for thumbnails."""

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
    earlier: int = Field(description="earlier scans of the same address, 100 at most")


class HistoryPage(Reply):
    scans: list[ScanSummary]
    next: str | None = Field(description="cursor of the next page; null at the end")


class FigureShape(Reply):
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


class StageTimes(Reply):
    p50: float
    p95: float


class CorrectionsShape(Reply):
    images: int
    confirmed: int = Field(description="corrections that confirmed the models' verdict")
    confusion: dict[Modality, dict[Modality, int]] = Field(description="by the models' verdict, then by the person's label")


class StatsShape(Reply):
    total: FigureShape
    days: list[DayShape]
    by_status: dict[Status, int]
    confidence: list[int] = Field(description="unique images by confidence, a tenth each")
    stages_ms: dict[str, StageTimes]
    corrections: CorrectionsShape


class SeenIn(Reply):
    scan: UUID
    target: str
    url: str | None
    title: str | None
    created_at: datetime
    places: list[PlaceShape]
    context: ContextShape | None = Field(description="what that page or document says of the image")


class ImageDetails(Reply):
    sha256: Digest
    width: int
    height: int
    format: str
    bytes: int
    verdict: VerdictShape | None
    panels: list[PanelShape]
    thumbnail: bool = Field(description="whether a thumbnail is kept")
    seen: list[SeenIn]


class TagsAndNoteShape(Reply):
    tags: list[str] = Field(description="in alphabetical order")
    note: str


class TagShape(Reply):
    id: UUID = Field(description="of the tag as a collection")
    name: str
    scans: int
    images: int


class TagList(Reply):
    tags: list[TagShape]


class CollectionShape(Reply):
    """`previews`: some of its images, for thumbnails."""

    id: UUID
    kind: SetKind
    name: str
    note: str
    created_at: datetime
    changed_at: datetime
    scans: int
    images: int
    previews: list[Digest]


class CollectionList(Reply):
    collections: list[CollectionShape]


class SavedFilterShape(Reply):
    id: UUID
    name: str
    query: str = Field(description="parameters of `GET /`, as in its address")


class SavedFilterList(Reply):
    filters: list[SavedFilterShape]


class ShownIn(Reply):
    id: UUID
    created_at: datetime
    source: SourceShape
    status: Status


class CollectedImageShape(ImageShape):
    item: int = Field(description="the item's id in the collection")
    scan: ShownIn | None = Field(
        description="the scan whose places and context these are; null if no scan shows the image any more"
    )
    tags: list[str]
    note: str


class CollectedScanShape(ScanSummary):
    item: int


class ItemsPage(Reply):
    images: list[CollectedImageShape]
    scans: list[CollectedScanShape]
    next: int | None = Field(description="`after` of the next page; null at the end")


class ItemsAdded(Reply):
    added: int
    already: int = Field(description="were in the collection before")
    items: list[int] = Field(description="ids of the new items")


class ItemsRemoved(Reply):
    count: int
    undo: datetime | None = Field(description="puts them back, for `undo_seconds`; null if nothing was removed")
    undo_seconds: int


class CollectionDeleted(Reply):
    undo_seconds: int = Field(description="how long `restore` can undo it")


class ItemsRestored(Reply):
    count: int


class CorrectionKept(Reply):
    sha256: Digest
    modality: Modality
    verdict: VerdictShape

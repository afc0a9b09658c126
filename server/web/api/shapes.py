"""The shapes of requests, as pydantic models: requests are validated against them, and openapi.json shows them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Base64Bytes, Field, field_validator

from server.contract.modalities import Modality
from server.contract.records import SourceKind, Status
from server.kinds.kind import HEAD_BYTES
from server.store.collection_items import MAX_ADDED
from server.store.named_sets import NAME_CHARS, NOTE_CHARS
from server.store.order import CURSOR_CHARS, Sort
from server.store.saved_filters import QUERY_CHARS
from server.store.tags import MAX_TAGS
from server.web.http.operation import Shape

# More than any browser allows; a normalised address that is too long is refused as `not_a_url`.
MAX_TEXT = 10_000
MAX_SEARCH = 200
MAX_MEMBERS = 8
DEFAULT_PAGE, MAX_PAGE = 50, 200
# Scans named in one request; for more there is `everything`.
MAX_AT_ONCE = 1000
# First bytes of files in one request: with long names they fill MAX_JSON_BYTES.
MAX_HEADS = 8
MAX_HEAD_TEXT = (HEAD_BYTES + 2) // 3 * 4  # characters of base64


class ScanOptions(Shape):
    no_cache: bool = Field(False, description="judge again even what is cached")
    members: tuple[str, ...] | None = Field(
        None, max_length=MAX_MEMBERS, description="models of the ensemble to use; default: MEDLENS_MEMBERS"
    )

    @field_validator("members")
    @classmethod
    def _some(cls, members: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if members is not None and (not members or len(set(members)) != len(members)):
            raise ValueError("name at least one member, none twice")
        return members


class NewScan(Shape):
    url: str = Field(max_length=MAX_TEXT, description="http(s) address of a page, a PDF, an image or a DICOM file")
    options: ScanOptions = ScanOptions()


class Correction(Shape):
    modality: Modality = Field(description="the person's label")


class Tags(Shape):
    tags: tuple[str, ...] = Field(max_length=MAX_TAGS, description="all tags that it is to have; upper and lower case are the same")
    scan: UUID | None = Field(None, description="of an image: the scan that shows it")


class Note(Shape):
    note: str = Field(max_length=NOTE_CHARS, description="plain text; empty removes it")


class NewCollection(Shape):
    name: str = Field(max_length=NAME_CHARS)


class NewName(Shape):
    name: str = Field(max_length=NAME_CHARS, description="its new name")


class NewFilter(Shape):
    name: str = Field(max_length=NAME_CHARS)
    query: str = Field(max_length=QUERY_CHARS, description="parameters of `GET /`, as in its address")


class CollectionChange(Shape):
    name: str | None = Field(None, max_length=NAME_CHARS, description="its new name")
    note: str | None = Field(None, max_length=NOTE_CHARS, description="plain text; empty removes it")


class CollectionItems(Shape):
    scans: tuple[UUID, ...] = Field((), max_length=MAX_ADDED)
    images: tuple[str, ...] = Field((), max_length=MAX_ADDED, description="by SHA-256")
    scan: UUID | None = Field(None, description="the scan that shows these images")


class ItemsGone(Shape):
    items: tuple[int, ...] = Field(min_length=1, max_length=MAX_AT_ONCE, description="ids of items")


class ItemMove(Shape):
    item: int = Field(description="the item to move")
    before: int | None = Field(None, description="the item that it is put before; null: to the end")


class FileHead(Shape):
    name: str = Field(max_length=MAX_TEXT, description="the file's name")
    head: Base64Bytes = Field(max_length=MAX_HEAD_TEXT, description=f"its first {HEAD_BYTES} bytes, or all of it, in base64")


class FileHeads(Shape):
    files: tuple[FileHead, ...] = Field(min_length=1, max_length=MAX_HEADS)


class Forget(Shape):
    ids: tuple[UUID, ...] = Field((), max_length=MAX_AT_ONCE, description="these scans")
    everything: bool = Field(False, description="all scans")


class Restore(Shape):
    undo: datetime = Field(description="`undo` of the answer to the deletion")


class LookupQuery(Shape):
    url: str = Field(max_length=MAX_TEXT, description="address of the page")


class Period(Shape):
    since: datetime | None = Field(None, alias="from", description="created at or after (ISO 8601; UTC when without zone)")
    until: datetime | None = Field(None, alias="to", description="created before")


class Filters(Period):
    """The filters of the history and the exports."""

    q: str | None = Field(None, max_length=MAX_SEARCH, description="words that all occur in title or address")
    modality: Modality | None = Field(None, description="scans with an image of this modality, or with a figure that contains it")
    status: Status | None = None
    kind: SourceKind | None = None
    uncertain: bool = Field(False, description="scans with an uncertain image")
    disagreeing: bool = Field(False, description="scans with an image on which the models disagree")
    context_disagreeing: bool = Field(False, description="scans with an image whose caption or other text names another modality")
    corrected: bool = Field(False, description="scans with a corrected image")
    tag: str | None = Field(None, max_length=NAME_CHARS, description="scans that carry this tag, or have an image that does")
    confidence_from: int = Field(0, ge=0, le=100, multiple_of=10, description="scans with an image at least this sure, in percent")
    confidence_to: int = Field(100, ge=0, le=100, multiple_of=10, description="scans with an image less sure than this; 100: any")
    url: str | None = Field(None, max_length=MAX_TEXT, description="scans of exactly this address")
    fold: bool = Field(False, description="of the matching scans of an address only the newest")


class HistoryQuery(Filters):
    cursor: str | None = Field(None, max_length=CURSOR_CHARS, description="`next` of the page before, in the same order")
    limit: int = Field(DEFAULT_PAGE, ge=1, le=MAX_PAGE)
    sort: Sort = Field("created", description="by date newest first, by name from A to Z, or by a count the most first")
    reverse: bool = Field(False, description="the other way round")


class HomeQuery(HistoryQuery):
    every: bool = Field(False, description="each scan of an address in a row of its own")

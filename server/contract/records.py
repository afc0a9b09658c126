"""The records that travel between the stages: source -> extract -> dedupe -> classify -> store -> show. All are frozen.

Boxes are (x, y, width, height): CSS pixels of the whole page for web pages, points from the top left corner for PDF pages,
pixels of the image for panels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias, get_args
from uuid import UUID

from server.contract.verdict import Verdict

# unknown: a file that could not be told, whose scan failed.
SourceKind: TypeAlias = Literal[
    "page", "pdf", "image", "dicom", "folder", "archive", "document", "volume", "web_archive", "slide", "unknown"
]

PlaceKind: TypeAlias = Literal[
    "img",
    "picture",
    "background",
    "svg",
    "canvas",
    "video_poster",
    "video_frame",
    "object",
    "embedded",
    "page",
    "file",
    "frame",
    "mosaic",
    "not_shown",
    "other",
]
Status: TypeAlias = Literal["queued", "running", "done", "partial", "failed", "cancelled"]
FINISHED: tuple[Status, ...] = ("done", "partial", "failed", "cancelled")

# What a notice means for the scan. failure: it failed if it has no image, otherwise it is partial; cut: it is partial; remark:
# neither.
Severity: TypeAlias = Literal["failure", "cut", "remark"]

# Where the time of a scan goes (`timings_ms` of a Report).
Stage: TypeAlias = Literal["queue", "fetch", "render", "extract", "decode", "classify", "store", "total"]
STAGES: tuple[Stage, ...] = get_args(Stage)

# Why an image that was found is not judged. The Report counts each under `counts.skipped`.
SkipReason: TypeAlias = Literal[
    "too_small",  # a side under MIN_IMAGE_SIDE: icons, tracking pixels, sprites
    "too_many",  # over MAX_IMAGES
    "too_many_pixels",  # more pixels than MAX_PIXELS, by its header
    "too_large",  # more bytes than the limit
    "broken",  # the header can be read, the pixels cannot; or the file is cut off
    "unknown_format",  # not on the format allow-list
    "timed_out",  # did not arrive within IMAGE_TIMEOUT_S
    "blocked",  # the guard refused its address
    "unreadable",  # its reader failed (a broken PDF object, a DICOM without pixels)
    "blank",  # one colour only
    "off_page",  # wholly outside the page of its PDF, where nobody sees it
    "no_image",  # a file without an image inside: a DICOM report, a plan
    "video",  # moving pictures, which are not read
    "not_shown",  # named by its page, but not shown there, and it could not be loaded
    "not_archived",  # shown by a page of a web archive that does not have it
]

Box: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Source:
    """A target made safe: a normalised address, or the bytes of a file.

    `target`: what the person entered, for display. `url`: normalised http(s) address, when it has one.
    `data` or `path`: the bytes of an upload or a local file; None for a page.
    `notice`: a remark about the address itself. `login`: user and password that stood in the address; they are never stored.
    `piece`: the data is a piece of a larger file, so that what belongs together may lie in different pieces.
    """

    kind: SourceKind
    target: str
    url: str | None = None
    title: str | None = None
    data: bytes | None = field(default=None, repr=False)
    path: Path | None = None
    notice: Notice | None = None
    login: tuple[str, str] | None = field(default=None, repr=False)
    piece: bool = False


# What stands with an image, as a reader sees it: `caption` is marked or numbered as one, `paragraph` is the nearest text.
TextSource: TypeAlias = Literal["caption", "paragraph", "alt", "heading", "link", "file_name", "title", "dicom_tag"]


@dataclass(frozen=True, slots=True)
class NearbyText:
    """A text that stands with an image: plain, one line, bounded."""

    source: TextSource
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """One place where an image stands. `page` counts from 1 (PDF page, TIFF page, DICOM frame); `tag` is DICOM's own Modality.

    `texts`: what a reader sees with the image there, beside `alt`; read for context, never stored.
    """

    url: str | None
    kind: PlaceKind
    page: int | None = None
    alt: str | None = None
    box: Box | None = None
    tag: str | None = None
    texts: tuple[NearbyText, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image that was found: its encoded bytes, not yet decoded, and its place."""

    data: bytes = field(repr=False)
    place: Place


@dataclass(frozen=True, slots=True)
class Skipped:
    """An image that was found but is not judged, and why."""

    reason: SkipReason
    place: Place
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A statement about the whole source: its title, or a problem (`code` as in errors.py)."""

    title: str | None = None
    code: str | None = None
    message: str = ""
    severity: Severity = "failure"


Found: TypeAlias = Candidate | Skipped | Notice


@dataclass(frozen=True, slots=True)
class UniqueImage:
    """One image with all its places.

    `phash`, 64 bits as 16 hex digits, and `grey`, a copy of 32 x 32 bytes, tell near duplicates; None if the image was not decoded.
    """

    sha256: str
    width: int
    height: int
    format: str
    size: int
    places: tuple[Place, ...]
    data: bytes = field(repr=False)
    phash: str | None = None
    grey: bytes | None = field(default=None, repr=False)
    near_duplicate_of: str | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel of a figure: its box in pixels of the image, and its own verdict."""

    box: Box
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class JudgedImage:
    """An image with its verdict, as stored and shown in the Report. `thumbnail`: WebP, None when none is to be kept.

    `joined`: while a scan runs, the verdict with its context, beside `verdict`, the cached one of the bytes alone. Read back
    from the store, `verdict` is the joined one.
    """

    image: UniqueImage
    verdict: Verdict
    panels: tuple[Panel, ...] = ()
    thumbnail: bytes | None = field(default=None, repr=False)
    joined: Verdict | None = None

    @property
    def shown(self) -> Verdict:
        """The verdict that people see."""
        return self.joined or self.verdict


@dataclass(frozen=True, slots=True)
class ScanError:
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one scan. server/contract/report.py writes it as JSON.

    `error` is the gravest problem; `notices` are all of them, in the order in which they were met.
    """

    id: UUID
    kind: SourceKind
    target: str
    title: str | None
    status: Status
    error: ScanError | None
    model_version: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    timings_ms: Mapping[str, float]
    found: int
    skipped: Mapping[SkipReason, int]
    images: tuple[JudgedImage, ...]
    notices: tuple[ScanError, ...] = ()
